/**
 * Which waiting run goes to which agent: a pure function over what is free. First come, first served within a machine type;
 * a run that does not fit lets later ones of other types pass, and one that wants more slots than any machine has lets all
 * pass. A run prefers the agent that already has its inputs, and one that is tried again an agent where it has not failed yet.
 */
import { machineTypeKey } from "@spell/domain";

/** What an agent offers and what of it is taken. */
export interface AgentCapacity {
  agentId: string;
  /** Takes nothing new. */
  draining: boolean;
  /** Why, where its machine is the reason: the end of a sentence. */
  takesNothing?: string;
  machineTypes: readonly { name: string; slots: number }[];
  /** Slots of master runs, apart from the machine types' own: a full cluster can never block a workflow. */
  controlSlots: number;
  taken: readonly TakenSlots[];
}

export interface TakenSlots {
  machineType: string;
  master: boolean;
  slots: readonly number[];
}

export interface WaitingRun {
  runId: number;
  machineType: string;
  master: boolean;
  /** Agents that hold inputs of the run, best first. */
  preferredAgents: readonly string[];
  /** Agents where an attempt of it ended without its doing: taken when no other has room. */
  avoidedAgents: readonly string[];
}

export interface Assignment {
  runId: number;
  agentId: string;
  slots: number[];
}

/** Asked-for type and count: `V100x4` is four slots of V100 on one machine, unless a type has just that name. */
export function requestedSlots(machineType: string, known: ReadonlySet<string>): { key: string; count: number } {
  const key = machineTypeKey(machineType);
  if (known.has(key)) return { key, count: 1 };
  const match = /^(.+)x([1-9][0-9]{0,2})$/.exec(key);
  if (match?.[1] !== undefined && known.has(match[1])) return { key: match[1], count: Number(match[2]) };
  return { key, count: 1 };
}

/** The assignments possible now, in the order of the queue. */
export function place(queue: readonly WaitingRun[], agents: readonly AgentCapacity[]): Assignment[] {
  const free = new Map(agents.filter((agent) => !agent.draining).map((agent) => [agent.agentId, freeSlots(agent)]));
  const known = new Set(agents.flatMap((agent) => agent.machineTypes.map((type) => machineTypeKey(type.name))));
  const assignments: Assignment[] = [];
  const blocked = new Set<string>();
  for (const run of queue) {
    const { key, count } = run.master ? { key: CONTROL, count: 1 } : requestedSlots(run.machineType, known);
    if (blocked.has(key)) continue;
    const agentId = chooseAgent(run, free, { key, count });
    if (agentId === undefined) {
      // Those behind it in the same line wait too, or a stream of small runs would starve a large one. One that fits on
      // no machine at all would starve the line instead, and for ever.
      if (agents.some((agent) => free.has(agent.agentId) && slotsOf(agent, key) >= count)) blocked.add(key);
      continue;
    }
    const slots = free.get(agentId)?.get(key)?.splice(0, count) ?? [];
    assignments.push({ runId: run.runId, agentId, slots });
  }
  return assignments;
}

/** Key of the control slots: no machine type can be called so. */
const CONTROL = "\0control";

type FreeSlots = Map<string, number[]>;

function freeSlots(agent: AgentCapacity): FreeSlots {
  const free: FreeSlots = new Map([[CONTROL, range(agent.controlSlots)]]);
  for (const type of agent.machineTypes) free.set(machineTypeKey(type.name), range(type.slots));
  const known = new Set(free.keys());
  for (const taken of agent.taken) {
    const key = taken.master ? CONTROL : requestedSlots(taken.machineType, known).key;
    free.set(
      key,
      (free.get(key) ?? []).filter((slot) => !taken.slots.includes(slot)),
    );
  }
  return free;
}

function chooseAgent(
  run: WaitingRun,
  free: ReadonlyMap<string, FreeSlots>,
  wanted: { key: string; count: number },
): string | undefined {
  const room = (agentId: string): number => free.get(agentId)?.get(wanted.key)?.length ?? 0;
  const avoided = new Set(run.avoidedAgents);
  const preferred = run.preferredAgents.find((agentId) => room(agentId) >= wanted.count && !avoided.has(agentId));
  if (preferred !== undefined) return preferred;
  const fitting = [...free.keys()].filter((agentId) => room(agentId) >= wanted.count);
  const untried = fitting.filter((agentId) => !avoided.has(agentId));
  // The emptiest agent: runs spread out, and each gets as much of a machine as there is.
  let best: string | undefined;
  for (const agentId of untried.length > 0 ? untried : fitting) {
    if (best === undefined || room(agentId) > room(best)) best = agentId;
  }
  return best;
}

/** How many slots of a line the agent has, free or not. */
function slotsOf(agent: AgentCapacity, key: string): number {
  if (key === CONTROL) return agent.controlSlots;
  return agent.machineTypes.find((type) => machineTypeKey(type.name) === key)?.slots ?? 0;
}

/** An agent may claim any number of slots; more than this are left out rather than counted out in memory. */
const MAX_SLOTS = 10_000;

function range(count: number): number[] {
  return Array.from({ length: Math.min(MAX_SLOTS, Math.max(0, count)) }, (_, index) => index);
}
