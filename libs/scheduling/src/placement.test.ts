import fc from "fast-check";
import { machineTypeKey } from "@spell/domain";
import { describe, expect, it } from "vitest";
import type { AgentCapacity, Assignment, WaitingRun } from "./placement.ts";
import { place, requestedSlots } from "./placement.ts";

function agent(agentId: string, types: Record<string, number>, more: Partial<AgentCapacity> = {}): AgentCapacity {
  const machineTypes = Object.entries(types).map(([name, slots]) => ({ name, slots }));
  return { agentId, draining: false, machineTypes, controlSlots: 0, taken: [], ...more };
}

function run(runId: number, machineType: string, more: Partial<WaitingRun> = {}): WaitingRun {
  return { runId, machineType, master: false, preferredAgents: [], avoidedAgents: [], ...more };
}

function placed(queue: readonly WaitingRun[], agents: readonly AgentCapacity[]): Record<number, string> {
  return Object.fromEntries(
    place(queue, agents).map(({ runId, agentId, slots }) => [runId, `${agentId}:${slots.join(",")}`]),
  );
}

describe("place", () => {
  it("gives slots in the order of the queue until none is free", () => {
    const queue = [run(3, "CPU"), run(1, "CPU"), run(2, "CPU")];
    expect(place(queue, [agent("a", { CPU: 2 })])).toEqual([
      { runId: 3, agentId: "a", slots: [0] },
      { runId: 1, agentId: "a", slots: [1] },
    ]);
  });

  it("has nothing to do without runs, agents or slots", () => {
    expect(place([], [agent("a", { CPU: 2 })])).toEqual([]);
    expect(place([run(1, "CPU")], [])).toEqual([]);
    expect(place([run(1, "CPU")], [agent("a", { CPU: 0 })])).toEqual([]);
    expect(place([run(1, "CPU")], [agent("a", { CPU: -3 })])).toEqual([]);
  });

  it("is not brought down by an agent that claims two thousand million slots", () => {
    const boaster = agent("a", { CPU: 2 ** 31 - 1 }, { controlSlots: 2 ** 31 - 1 });
    expect(placed([run(1, "CPU"), run(2, "CPU", { master: true })], [boaster])).toEqual({ 1: "a:0", 2: "a:0" });
  });

  it("lets a full type hold up nobody of another type", () => {
    const queue = [run(1, "V100"), run(2, "V100"), run(3, "CPU")];
    expect(placed(queue, [agent("a", { V100: 1, CPU: 1 })])).toEqual({ 1: "a:0", 3: "a:0" });
  });

  it("ignores the case of type names, on both sides", () => {
    expect(placed([run(1, "v100"), run(2, "V100")], [agent("a", { V100: 1 }), agent("b", { v100: 1 })])).toEqual({
      1: "a:0",
      2: "b:0",
    });
  });

  it("takes the lowest free slots, not those in use", () => {
    const busy = agent("a", { V100: 4 }, { taken: [{ machineType: "v100", master: false, slots: [0, 2] }] });
    expect(placed([run(1, "V100"), run(2, "V100"), run(3, "V100")], [busy])).toEqual({ 1: "a:1", 2: "a:3" });
  });

  it("tries a run again where it has not failed yet, and where it has when nothing else is free", () => {
    const agents = [agent("a", { CPU: 4 }), agent("b", { CPU: 1 })];
    const again = { preferredAgents: ["a"], avoidedAgents: ["a"] };
    expect(placed([run(1, "CPU", again), run(2, "CPU", again)], agents)).toEqual({ 1: "b:0", 2: "a:0" });
    expect(placed([run(1, "CPU", { avoidedAgents: ["a", "b", "gone"] })], agents)).toEqual({ 1: "a:0" });
  });

  it("spreads runs: the emptiest agent first", () => {
    const agents = [agent("a", { CPU: 2 }), agent("b", { CPU: 3 })];
    const queue = [1, 2, 3, 4, 5, 6].map((id) => run(id, "CPU"));
    expect(placed(queue, agents)).toEqual({ 1: "b:0", 2: "a:0", 3: "b:1", 4: "a:1", 5: "b:2" });
  });

  it("gives a draining agent nothing, even when it holds the inputs", () => {
    const agents = [agent("a", { CPU: 8 }, { draining: true, controlSlots: 4 }), agent("b", { CPU: 1 })];
    const queue = [run(1, "CPU", { preferredAgents: ["a"] }), run(2, "CPU", { master: true })];
    expect(placed(queue, agents)).toEqual({ 1: "b:0" });
  });

  describe("preferred agents", () => {
    const agents = [agent("a", { CPU: 1 }), agent("b", { CPU: 4 }), agent("c", { CPU: 2 })];

    it("come first, best first, also when another is emptier", () => {
      expect(placed([run(1, "CPU", { preferredAgents: ["c", "a"] })], agents)).toEqual({ 1: "c:0" });
    });

    it("that are full, gone or of another type are passed over, not waited for", () => {
      const preferredAgents = ["gone", "a", "d"];
      const queue = [run(1, "CPU", { preferredAgents: ["a"] }), run(2, "CPU", { preferredAgents })];
      expect(placed(queue, [...agents, agent("d", { V100: 1 })])).toEqual({ 1: "a:0", 2: "b:0" });
    });
  });

  describe("several slots on one machine", () => {
    it("are taken together, never over two machines", () => {
      const agents = [agent("a", { V100: 2 }), agent("b", { V100: 4 })];
      expect(placed([run(1, "V100x4")], agents)).toEqual({ 1: "b:0,1,2,3" });
      expect(placed([run(1, "V100x3")], [agent("a", { V100: 2 }), agent("b", { V100: 2 })])).toEqual({});
    });

    it("block the line until they are free together", () => {
      const busy = agent("a", { V100: 4 }, { taken: [{ machineType: "V100x2", master: false, slots: [1, 3] }] });
      expect(placed([run(1, "V100x3"), run(2, "V100"), run(3, "V100x2")], [busy])).toEqual({});
      expect(placed([run(1, "V100x2"), run(2, "V100")], [busy])).toEqual({ 1: "a:0,2" });
    });

    it("that no machine has do not hold up the others for ever", () => {
      const agents = [agent("a", { V100: 4 }), agent("b", { V100: 16 }, { draining: true })];
      expect(placed([run(1, "V100x8"), run(2, "V100")], agents)).toEqual({ 2: "a:0" });
    });

    it("are only meant when no type has just that name", () => {
      const agents = [agent("a", { V100: 8 }), agent("b", { V100x4: 1 })];
      expect(placed([run(1, "v100X4"), run(2, "V100x2")], agents)).toEqual({ 1: "b:0", 2: "a:0,1" });
    });
  });

  describe("master runs", () => {
    it("use control slots only, so a full cluster never holds them up", () => {
      const full = agent(
        "a",
        { CPU: 1 },
        { controlSlots: 2, taken: [{ machineType: "CPU", master: false, slots: [0] }] },
      );
      const queue = [run(1, "CPU"), run(2, "CPU", { master: true }), run(3, "CPU", { master: true })];
      expect(placed(queue, [full])).toEqual({ 2: "a:0", 3: "a:1" });
    });

    it("take no slot of the type that they name", () => {
      const masters = agent(
        "a",
        { CPU: 1 },
        { controlSlots: 1, taken: [{ machineType: "CPU", master: true, slots: [0] }] },
      );
      expect(placed([run(1, "CPU", { master: true }), run(2, "CPU")], [masters])).toEqual({ 2: "a:0" });
    });

    it("need no agent of the type that they name", () => {
      expect(placed([run(1, "H100", { master: true })], [agent("a", { CPU: 1 }, { controlSlots: 1 })])).toEqual({
        1: "a:0",
      });
    });

    it("wait for control slots without holding up workers", () => {
      expect(placed([run(1, "CPU", { master: true }), run(2, "CPU")], [agent("a", { CPU: 1 })])).toEqual({ 2: "a:0" });
    });
  });
});

describe("requestedSlots", () => {
  const known = new Set(["v100", "cpu", "rtx2080", "a100x2"]);
  it.each([
    ["V100", "v100", 1],
    [" v100 ", "v100", 1],
    ["V100x4", "v100", 4],
    ["V100X999", "v100", 999],
    ["a100x2", "a100x2", 1],
    ["A100x2x3", "a100x2", 3],
    ["RTX2080", "rtx2080", 1],
    ["V100x0", "v100x0", 1],
    ["V100x04", "v100x04", 1],
    ["V100x1000", "v100x1000", 1],
    ["V100x-1", "v100x-1", 1],
    ["H100x2", "h100x2", 1],
    ["x4", "x4", 1],
    ["", "", 1],
  ])("%j", (asked, key, count) => {
    expect(requestedSlots(asked, known)).toEqual({ key, count });
  });
});

describe("any queue and cluster", () => {
  const typeName = fc.constantFrom("CPU", "cpu", "V100", "v100", "H100");
  const anyAgent = fc
    .record({
      draining: fc.boolean(),
      slots: fc.dictionary(fc.constantFrom("CPU", "V100", "H100"), fc.integer({ min: 0, max: 4 })),
      controlSlots: fc.integer({ min: 0, max: 2 }),
      taken: fc.array(
        fc.record({
          machineType: typeName,
          master: fc.boolean(),
          slots: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }),
        }),
        { maxLength: 3 },
      ),
    })
    .map(({ slots, ...more }) => agent("", slots, more));
  const cluster = fc
    .array(anyAgent, { maxLength: 5 })
    .map((agents) => agents.map((each, index) => ({ ...each, agentId: `agent${index}` })));
  const queue = fc
    .array(
      fc.record({
        machineType: fc.oneof(typeName, fc.constantFrom("V100x2", "CPUx3", "K80", "V100x9")),
        master: fc.boolean(),
        preferredAgents: fc.array(fc.constantFrom("agent0", "agent1", "agent4", "gone"), { maxLength: 2 }),
        avoidedAgents: fc.array(fc.constantFrom("agent0", "agent1", "agent4", "gone"), { maxLength: 2 }),
      }),
      { maxLength: 25 },
    )
    .map((runs) => runs.map((each, index) => ({ ...each, runId: index + 1 })));

  /** The line a run stands in, and how many slots it wants. */
  function line(each: WaitingRun, agents: readonly AgentCapacity[]): { key: string; count: number } {
    const known = new Set(agents.flatMap((one) => one.machineTypes.map((type) => machineTypeKey(type.name))));
    return each.master ? { key: "control", count: 1 } : requestedSlots(each.machineType, known);
  }

  function capacity(one: AgentCapacity, key: string): number {
    if (key === "control") return one.controlSlots;
    return one.machineTypes.find((type) => machineTypeKey(type.name) === key)?.slots ?? 0;
  }

  /** Slots of an agent that are free before (or, with the assignments, after) placing; written apart from the code under test. */
  function freeOf(
    one: AgentCapacity,
    key: string,
    given: readonly { key: string; assignment: Assignment }[],
  ): number[] {
    const takenBefore = one.taken
      .filter((taken) => (taken.master ? "control" : machineTypeKey(taken.machineType)) === key)
      .flatMap((taken) => taken.slots);
    const takenNow = given
      .filter((each) => each.key === key && each.assignment.agentId === one.agentId)
      .flatMap((each) => each.assignment.slots);
    const all = Array.from({ length: capacity(one, key) }, (_, slot) => slot);
    return all.filter((slot) => !takenBefore.includes(slot) && !takenNow.includes(slot));
  }

  function withLines(runs: readonly WaitingRun[], agents: readonly AgentCapacity[]) {
    const byId = new Map(runs.map((each) => [each.runId, each]));
    return place(runs, agents).map((assignment) => {
      const waiting = byId.get(assignment.runId);
      if (waiting === undefined) throw new Error(`run ${assignment.runId} was never in the queue`);
      return { assignment, ...line(waiting, agents) };
    });
  }

  it("never gives a slot that is taken, absent, draining or given already, and each run at most once", () => {
    fc.assert(
      fc.property(queue, cluster, (runs, agents) => {
        const given: { key: string; assignment: Assignment }[] = [];
        for (const each of withLines(runs, agents)) {
          const one = agents.find((candidate) => candidate.agentId === each.assignment.agentId);
          expect(one?.draining).toBe(false);
          if (one === undefined) return;
          expect(each.assignment.slots).toHaveLength(each.count);
          expect(new Set(each.assignment.slots).size).toBe(each.count);
          expect(freeOf(one, each.key, given)).toEqual(expect.arrayContaining(each.assignment.slots));
          expect(given.map((before) => before.assignment.runId)).not.toContain(each.assignment.runId);
          given.push(each);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is decided by its input alone, and changes none of it", () => {
    fc.assert(
      fc.property(queue, cluster, (runs, agents) => {
        const before = JSON.stringify([runs, agents]);
        expect(place(runs, agents)).toEqual(place(runs, agents));
        expect(JSON.stringify([runs, agents])).toBe(before);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves no slot idle that the first of a line could use, and keeps the order of each line", () => {
    fc.assert(
      fc.property(queue, cluster, (runs, agents) => {
        const given = withLines(runs, agents);
        const startedIds = new Set(given.map((each) => each.assignment.runId));
        const heldUp = new Set<string>();
        for (const each of runs) {
          const { key, count } = line(each, agents);
          const started = startedIds.has(each.runId);
          if (heldUp.has(key)) expect(started).toBe(false);
          const takers = agents.filter((one) => !one.draining);
          if (started || heldUp.has(key) || !takers.some((one) => capacity(one, key) >= count)) continue;
          // The first of its line that waits: no machine has room for it.
          heldUp.add(key);
          for (const one of takers) expect(freeOf(one, key, given).length).toBeLessThan(count);
        }
      }),
      { numRuns: 300 },
    );
  });
});
