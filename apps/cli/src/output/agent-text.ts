/** Agents as people and programs read them. */
import type { Agent } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";

/** How it is, and what it or its operator wants: `connected`, `silent`, `away`, `cordoned`, `draining`, `drained`, `away, drained`. */
export function agentState({ connected, silent, draining, placement, runs }: Agent): string {
  const wish = draining ? (runs === 0 ? "drained" : "draining") : placement === "cordoned" ? "cordoned" : "";
  if (connected && !silent) return wish || "connected";
  const state = connected ? "silent" : "away";
  return wish === "" ? state : `${state}, ${wish}`;
}

/** `CPU 3 of 4, V100 0 of 1` */
export function agentPlaces({ machineTypes }: Agent): string {
  return machineTypes.map(({ name, slots, freeSlots }) => oneLine(`${name} ${freeSlots} of ${slots}`)).join(", ");
}

export function agentToJson(agent: Agent): Record<string, unknown> {
  const { id, name, runs, placement, machineTypes, joinedAtMs, lastSeenAtMs } = agent;
  return {
    ...{ id, name, state: agentState(agent), runs, placement },
    machine_types: machineTypes.map(({ name: type, slots, freeSlots }) => ({
      name: type,
      slots,
      free_slots: freeSlots,
    })),
    ...{ joined_at: new Date(joinedAtMs).toISOString(), last_seen_at: new Date(lastSeenAtMs).toISOString() },
  };
}
