import { describe, expect, test } from "vitest";
import { MACHINES } from "../network/addresses.ts";
import { seeded } from "../random.ts";
import type { FaultKind } from "./fault.ts";
import { FAULT_KINDS, ruleOf } from "./fault.ts";
import { mayMeet, planFaults } from "./plan.ts";

const kinds = Object.keys(FAULT_KINDS) as FaultKind[];
const all = new Set(MACHINES);
const plan = (seed: number) => planFaults({ count: 50, kinds, machines: all }, seeded(seed, "faults"));

describe("a plan", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  test("has every kind before one comes again, within its bounds", () => {
    const faults = plan(3);
    const usual = kinds.filter((kind) => !ruleOf(kind).isRare);
    expect(new Set(faults.slice(0, usual.length).map(({ kind }) => kind))).toEqual(new Set(usual));
    for (const { kind, lastsMs, target } of faults) {
      const [least, most] = FAULT_KINDS[kind].lastsMs;
      expect(lastsMs).toBeGreaterThanOrEqual(least);
      expect(lastsMs).toBeLessThanOrEqual(most);
      expect(FAULT_KINDS[kind].targets).toContainEqual(target);
    }
  });

  test("has those that take long every fourth time, and never alone", () => {
    const faults = planFaults({ count: 400, kinds, machines: all }, seeded(5, "faults"));
    const rare = faults.filter(({ kind }) => ruleOf(kind).isRare);
    expect(rare).toHaveLength(Math.floor(400 / (4 * (kinds.length - 1) + 1)));
    expect(rare.some(({ alone }) => alone)).toBe(false);
    const only = planFaults({ count: 3, kinds: ["lose-agent"], machines: all }, seeded(5, "faults"));
    expect(only).toHaveLength(3);
  });

  test("leaves alone what the farm does not have", () => {
    const machines = new Set(MACHINES.filter((name) => name !== "store"));
    const faults = planFaults({ count: 200, kinds, machines }, seeded(4, "faults"));
    expect(faults.flatMap(({ target }) => [target.machine, target.peer])).not.toContain("store");
    expect(planFaults({ count: 5, kinds: ["kill-store"], machines }, seeded(4, "faults"))).toEqual([]);
  });
});

test("two faults meet only on different machines", () => {
  const way = { machine: "agent1", peer: "store" } as const;
  expect(mayMeet(way, { machine: "agent2" })).toBe(true);
  expect(mayMeet(way, { machine: "store" })).toBe(false);
  expect(mayMeet(way, { machine: "agent2", peer: "agent1" })).toBe(false);
});
