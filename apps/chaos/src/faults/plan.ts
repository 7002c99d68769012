/** Which faults a trial has, in which order: chosen by the seed alone. Pure. */
import type { Random } from "../random.ts";
import type { Fault, FaultKind, MachineName, Target } from "./fault.ts";
import { ruleOf } from "./fault.ts";

/** Longest pause between the beginnings of two faults, milliseconds. */
const LONGEST_PAUSE_MS = 6_000;
const RARE_EVERY = 4;

export interface PlanOptions {
  count: number;
  kinds: readonly FaultKind[];
  /** What the farm has. */
  machines: ReadonlySet<MachineName>;
}

/** As many faults, each kind about equally often. None when the farm has nothing that they could be done to. */
export function planFaults({ count, kinds, machines }: PlanOptions, random: Random): Fault[] {
  const possible = kinds.filter((kind) => targetsOf(kind, machines).length > 0);
  if (possible.length === 0) return [];
  const isAlwaysRare = possible.every((kind) => ruleOf(kind).isRare);
  let deals = 0;
  let left: FaultKind[] = [];
  return Array.from({ length: count }, (_, index) => {
    // Dealt like cards, so that a short trial has many kinds too.
    if (left.length === 0) {
      deals += 1;
      left = possible.filter((each) => isAlwaysRare || !ruleOf(each).isRare || deals % RARE_EVERY === 0);
    }
    const kind = random.pick(left);
    left.splice(left.indexOf(kind), 1);
    const { lastsMs, isRare = false } = ruleOf(kind);
    return {
      ...{ number: index + 1, kind, target: random.pick(targetsOf(kind, machines)) },
      ...{
        alone: random.between(1, 3) === 1 && !isRare,
        afterMs: random.between(0, LONGEST_PAUSE_MS),
        lastsMs: random.between(lastsMs[0], lastsMs[1]),
      },
    };
  });
}

function targetsOf(kind: FaultKind, machines: ReadonlySet<MachineName>): Target[] {
  return ruleOf(kind).targets.filter(({ machine, peer = machine }) => machines.has(machine) && machines.has(peer));
}

/** Whether two faults may be under way at once: a machine has one at a time, so that it is known what ended which. */
export function mayMeet(one: Target, other: Target): boolean {
  const machines = (target: Target): MachineName[] =>
    target.peer === undefined ? [target.machine] : [target.machine, target.peer];
  return !machines(one).some((machine) => machines(other).includes(machine));
}
