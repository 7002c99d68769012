/** The machines of the farm as its users see them: what is connected, and what is free on it. */
import type { MachineTypeSlots } from "@spell/domain";
import { machineTypeKey } from "@spell/domain";
import type { AgentRecord, Placement, RunRecord, RunStore } from "@spell/run-store";
import type { AgentSession, AgentSessions } from "./agent-sessions.ts";

export interface AgentStatus {
  agent: AgentRecord;
  connected: boolean;
  /** Connected, and not heard for so long that it counts as lost. */
  silent: boolean;
  /** Takes nothing new: it, or its operator, says so. */
  draining: boolean;
  placement: Placement;
  /** Attempts it holds. */
  runs: number;
  lastSeenAtMs: number;
  machineTypes: (MachineTypeSlots & { freeSlots: number })[];
}

/** All that ever joined, in that order. */
export async function listAgents(store: RunStore, sessions: AgentSessions): Promise<AgentStatus[]> {
  const agents = await store.listAgents();
  const held = await store.listHeld();
  return agents
    .toSorted((one, other) => one.createdAtMs - other.createdAtMs)
    .map((agent) => {
      const own = held.filter(({ agentId }) => agentId === agent.id);
      const lastSeenAtMs = sessions.heardAtMs(agent.id) ?? agent.lastSeenAtMs;
      const silent = sessions.isSilent(agent.id);
      return {
        ...agentStatus(agent, { session: sessions.find(agent.id), silent }, own),
        runs: own.length,
        lastSeenAtMs,
      };
    });
}

/** Pure. */
function agentStatus(
  agent: AgentRecord,
  { session, silent }: { session: AgentSession | undefined; silent: boolean },
  held: readonly RunRecord[],
): Omit<AgentStatus, "runs" | "lastSeenAtMs"> {
  const draining = session?.draining === true || agent.placement === "draining";
  const takesRuns = session !== undefined && !draining && !silent && agent.placement === "open";
  const machineTypes = (session ?? agent).machineTypes.map(({ name, slots }) => {
    const taken = held
      .filter(({ runType }) => runType === "user")
      .filter(({ spec }) => machineTypeKey(spec.machineType) === machineTypeKey(name))
      .reduce((sum, run) => sum + run.slots.length, 0);
    return { name, slots, freeSlots: takesRuns ? Math.max(0, slots - taken) : 0 };
  });
  const { placement } = agent;
  return { agent, connected: session !== undefined, silent, draining, placement, machineTypes };
}
