/** The kinds of faults as data: what each is done to, and how long it lasts. What is done stands in actions.ts. */

/** Machines of the farm, by name. */
export const AGENTS = ["agent1", "agent2", "agent3"] as const;
/** The second stands by; only a database lets it. */
export const COORDINATORS = ["coordinator", "coordinator2"] as const;
export type MachineName = (typeof COORDINATORS)[number] | (typeof AGENTS)[number] | "nats" | "store" | "database";

/** One thing that a fault is done to: a machine, or the way from one to another. */
export interface Target {
  machine: MachineName;
  /** With faults of the network: the other end. */
  peer?: MachineName;
}

interface FaultRule {
  targets: readonly Target[];
  /** Shortest and longest duration, milliseconds. */
  lastsMs: readonly [number, number];
  /** Takes so long that it comes a quarter as often, and never alone. */
  isRare?: boolean;
}

const one = (...machines: readonly MachineName[]): Target[] => machines.map((machine) => ({ machine }));
/** Ways on which agents, coordinator and servers talk: from who calls to who is called. */
const TO_STORE: readonly Target[] = [...AGENTS, ...COORDINATORS].map((machine) => ({ machine, peer: "store" }));
const WAYS: readonly Target[] = [
  ...TO_STORE,
  ...AGENTS.flatMap((machine): Target[] => [
    { machine, peer: "coordinator" },
    { machine, peer: "coordinator2" },
    { machine, peer: "nats" },
  ]),
  ...COORDINATORS.flatMap((machine): Target[] => [
    { machine, peer: "nats" },
    { machine, peer: "database" },
  ]),
];
const BOTH_WAYS = WAYS.flatMap(({ machine, peer = machine }) => [
  { machine, peer },
  { machine: peer, peer: machine },
]);

export const FAULT_KINDS = {
  "kill-coordinator": { targets: one(...COORDINATORS), lastsMs: [0, 4_000] },
  "kill-agent": { targets: one(...AGENTS), lastsMs: [0, 4_000] },
  "kill-nats": { targets: one("nats"), lastsMs: [0, 4_000] },
  "kill-database": { targets: one("database"), lastsMs: [0, 4_000] },
  "kill-store": { targets: one("store"), lastsMs: [0, 4_000] },
  "freeze-coordinator": { targets: one(...COORDINATORS), lastsMs: [1_000, 12_000] },
  "freeze-agent": { targets: one(...AGENTS), lastsMs: [1_000, 12_000] },
  "freeze-nats": { targets: one("nats"), lastsMs: [1_000, 12_000] },
  "freeze-database": { targets: one("database"), lastsMs: [1_000, 12_000] },
  "freeze-store": { targets: one("store"), lastsMs: [1_000, 12_000] },
  "lose-agent": { targets: one(...AGENTS), lastsMs: [65_000, 75_000], isRare: true },
  "reboot-agent": { targets: one(...AGENTS), lastsMs: [500, 4_000] },
  "wipe-nats": { targets: one("nats"), lastsMs: [0, 4_000] },
  "disk-full-agent": { targets: one(...AGENTS), lastsMs: [1_000, 8_000] },
  "disk-full-coordinator": { targets: one("coordinator"), lastsMs: [1_000, 8_000] },
  "disk-full-database": { targets: one("database"), lastsMs: [1_000, 8_000] },
  "clock-ahead": { targets: one(...AGENTS), lastsMs: [2_000, 12_000] },
  "clock-behind": { targets: one(...AGENTS), lastsMs: [2_000, 12_000] },
  partition: { targets: WAYS, lastsMs: [2_000, 15_000] },
  "one-way-partition": { targets: BOTH_WAYS, lastsMs: [2_000, 15_000] },
  "slow-way": { targets: WAYS, lastsMs: [3_000, 15_000] },
  "store-unavailable": { targets: one("store"), lastsMs: [1_000, 10_000] },
  "cut-transfers": { targets: TO_STORE, lastsMs: [2_000, 10_000] },
} satisfies Record<string, FaultRule>;

export type FaultKind = keyof typeof FAULT_KINDS;

/** What is known of a kind. */
export function ruleOf(kind: FaultKind): FaultRule {
  return FAULT_KINDS[kind];
}

/** One fault of a trial. */
export interface Fault {
  /** From 1. */
  number: number;
  kind: FaultKind;
  target: Target;
  /** Begins when all is well, and is the only one until all is well again: so it is known how long its healing takes. */
  alone: boolean;
  /** From the beginning of the fault before, milliseconds. */
  afterMs: number;
  lastsMs: number;
}

/** What became of it, on the trial's clock. */
export interface FaultHistory extends Fault {
  beganAtMs: number;
  endedAtMs: number;
  /** From its end until a new run was complete where it had been, milliseconds; undefined: it was not alone. */
  recoveryMs?: number;
}

/** For people: `partition agent1 | store`. */
export function describeFault({ kind, target: { machine, peer } }: Pick<Fault, "kind" | "target">): string {
  const between = kind === "one-way-partition" ? "→" : "|";
  return `${kind} ${machine}${peer === undefined ? "" : ` ${between} ${peer}`}`;
}
