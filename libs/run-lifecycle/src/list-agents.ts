/** The machines of the farm as its users see them: what is connected, and what is free on it. */
import type { MachineTypeSlots } from "@spell/domain";
import { machineTypeKey } from "@spell/domain";
import type { AgentRecord, RunRecord, RunStore } from "@spell/run-store";
import type { AgentSession, AgentSessions } from "./agent-sessions.ts";

export interface AgentStatus {
  agent: AgentRecord;
  connected: boolean;
  draining: boolean;
  machineTypes: (MachineTypeSlots & { freeSlots: number })[];
}

/** All that ever joined, in that order. */
export async function listAgents(store: RunStore, sessions: AgentSessions): Promise<AgentStatus[]> {
  const agents = await store.listAgents();
  const held = await store.listHeld();
  return agents
    .toSorted((one, other) => one.createdAtMs - other.createdAtMs)
    .map((agent) => agentStatus(agent, sessions.find(agent.id), held));
}

/** Pure. */
function agentStatus(agent: AgentRecord, session: AgentSession | undefined, held: readonly RunRecord[]): AgentStatus {
  const takesRuns = session !== undefined && !session.draining;
  const machineTypes = (session ?? agent).machineTypes.map(({ name, slots }) => {
    const taken = held
      .filter(({ agentId, runType }) => agentId === agent.id && runType === "user")
      .filter(({ spec }) => machineTypeKey(spec.machineType) === machineTypeKey(name))
      .reduce((sum, run) => sum + run.slots.length, 0);
    return { name, slots, freeSlots: takesRuns ? Math.max(0, slots - taken) : 0 };
  });
  return { agent, connected: session !== undefined, draining: session?.draining ?? false, machineTypes };
}
