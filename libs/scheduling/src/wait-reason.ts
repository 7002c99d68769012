/** Why a run waits, as a sentence for its owner. */
import { machineTypeKey } from "@spell/domain";
import type { AgentCapacity, WaitingRun } from "./placement.ts";
import { requestedSlots } from "./placement.ts";

/** `ahead`: how many runs of the same machine type were queued before it. */
export function waitReason(run: WaitingRun, agents: readonly AgentCapacity[], ahead: number): string {
  const offered = new Map<string, { name: string; slots: number; largest: number }>();
  for (const type of agents.flatMap((agent) => agent.machineTypes)) {
    const key = machineTypeKey(type.name);
    const before = offered.get(key);
    offered.set(key, {
      name: before?.name ?? type.name,
      slots: (before?.slots ?? 0) + type.slots,
      largest: Math.max(before?.largest ?? 0, type.slots),
    });
  }
  const position = ahead === 0 ? "It is next in line" : `${ahead} ${ahead === 1 ? "run is" : "runs are"} ahead of it`;
  const { key, count } = requestedSlots(run.machineType, new Set(offered.keys()));
  if (agents.length === 0) return "Waits for an agent: none is connected.";
  const type = offered.get(key);
  if (!run.master && type === undefined) {
    const names = [...offered.values()].map((each) => each.name).join(", ");
    return `Waits for a ${run.machineType} machine: none is connected (connected: ${names}).`;
  }
  const having = agents.filter(
    ({ machineTypes }) => run.master || machineTypes.some(({ name }) => machineTypeKey(name) === key),
  );
  const unable = having.find(({ takesNothing = "" }) => takesNothing !== "");
  if (unable?.takesNothing !== undefined && having.every((agent) => agent.draining)) {
    return `Waits for an agent that takes new runs. ${unable.agentId} does not for now: ${unable.takesNothing}`;
  }
  if (agents.every((agent) => agent.draining))
    return "Waits for an agent that takes new runs: all are draining or cordoned.";
  if (run.master) return `Waits for a control slot. ${position}.`;
  if (type !== undefined && type.slots > 0 && type.largest < count) {
    return `Waits for a machine with ${count} ${type.name} slots: none is connected (the largest has ${type.largest}).`;
  }
  const slots = count === 1 ? `a free ${type?.name} slot` : `${count} free ${type?.name} slots on one machine`;
  return `Waits for ${slots} (${type?.slots ?? 0} in all). ${position}.`;
}
