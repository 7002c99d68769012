/** Runs that stop themselves: by a condition on their metrics, or after their timeout. */
import type { NamedPoint, RunRecord } from "@spell/run-store";
import { describe, expect, it } from "vitest";
import { StopRules } from "./stop-rules.ts";
import type { World } from "./test-support/world.ts";
import { ANN, assignedTo, openWorld } from "./test-support/world.ts";
import { bareSpec } from "./test-support/records.ts";

const LOW = { metric: "loss", operator: "<", value: 0.5, minIndex: 0 } as const;
const CONDITION = [[LOW]];
const BOTH = [[LOW, { metric: "acc", operator: ">", value: 0.9, minIndex: 0 } as const]];
const loss = (value: number | string, index = 0): NamedPoint => ({ name: "loss", index, value, atMs: 1_000 + index });

async function running(world: World, over: object) {
  const run = await world.addRun({ spec: { ...bareSpec(), ...over } }, assignedTo("a1"));
  const startedAtMs = world.clock.nowMs;
  return (await world.store.updateRun(run.id, run.version, { status: "running", startedAtMs })) ?? run;
}
/** Records the points that follow what is recorded; from another number when it says so. */
async function record(
  world: World,
  run: RunRecord,
  points: readonly NamedPoint[],
  firstNumber?: number,
): Promise<number> {
  const { metrics } = world.store;
  const first = firstNumber ?? (await metrics.countPoints(run.id, 1));
  return world.rules.recording(run, { firstNumber: first, points }, () => metrics.addBatch(run.id, 1, first, points));
}
const statusOf = async (world: World, id: number) => (await world.store.findRun(id))?.status;
const ENDED = { cause: "stop", exitCode: 143, logEntries: 0 } as const;
const ended = (runId: number) => ({ runId, attempt: 1, leaseToken: "lease", history: [], result: ENDED });

describe("a stop condition", () => {
  it("stops the run as a user's stop does, and stands as the reason from then on", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", {});
    const run = await running(world, { stopConditions: CONDITION });
    await record(world, run, [loss(0.9), loss("0.1", 1), loss(0.7, 2)]);
    expect(await statusOf(world, run.id)).toBe("running");
    // In the middle of a batch, and over again by its end.
    await record(world, run, [loss(0.4, 3), loss(0.8, 4)]);
    const reason = "Stopped by its stop condition loss < 0.5: loss was 0.4 at index 3.";
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "stopping", requested: "stop", reason });
    expect(agent.pushes).toBe(1);
    await world.lifecycle.report("a1", [ended(run.id)]);
    expect(await world.store.findRun(run.id)).toMatchObject({
      status: "stopped",
      reasonCode: "stop-condition",
      reason,
    });
  });

  it("looks at numbers in the order in which they came, beginning with what was recorded before", async () => {
    await using world = await openWorld();
    const acc = (value: number): NamedPoint => ({ name: "acc", index: 0, value, atMs: 1_000 });
    const run = await running(world, { stopConditions: BOTH });
    // The loss was low only before the accuracy was high.
    await record(world, run, [loss(0.1), loss(1, 1), acc(0.95)]);
    expect(await statusOf(world, run.id)).toBe("running");
    await record(world, run, [acc(0.1), loss(0.2, 2)]);
    expect(await statusOf(world, run.id)).toBe("running");
    await record(world, run, [acc(0.99)]);
    expect(await statusOf(world, run.id)).toBe("stopping");
  });

  it("looks at each point once, and only when it is recorded", async () => {
    await using world = await openWorld();
    const early = await running(world, { stopConditions: CONDITION });
    expect(await record(world, early, [loss(0.1, 7)], 7)).toBe(0);
    expect(await statusOf(world, early.id)).toBe("running");
    const run = await running(world, { stopConditions: BOTH });
    await record(world, run, [loss(0.1)]);
    await record(world, run, [loss(0.8, 1)]);
    // The first again, as after a lost answer.
    await record(world, run, [loss(0.1), loss(0.8, 1), { name: "acc", index: 0, value: 1, atMs: 2_000 }], 0);
    expect(await statusOf(world, run.id)).toBe("running");
    expect(await world.store.metrics.countPoints(run.id, 1)).toBe(3);
  });

  it("is met again when the points come again after a crash before they were recorded", async () => {
    await using world = await openWorld();
    const run = await running(world, { stopConditions: CONDITION });
    const batch = { firstNumber: 0, points: [loss(0.1), loss(0.9, 1)] };
    const crash = () => Promise.reject(new Error("killed"));
    await expect(world.rules.recording(run, batch, crash)).rejects.toThrow("killed");
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "stopping", requested: "stop" });
    expect(await world.store.metrics.countPoints(run.id, 1)).toBe(0);
  });

  it("looks at batches that come at once in their turn", async () => {
    await using world = await openWorld();
    const run = await running(world, { stopConditions: CONDITION });
    const batches = [[loss(0.9)], [loss(0.8, 1)], [loss(0.3, 2)], [loss(0.7, 3)]];
    const recorded = await Promise.all(batches.map((points, number) => record(world, run, points, number)));
    expect(recorded).toEqual([1, 2, 3, 4]);
    expect(await world.store.findRun(run.id)).toMatchObject({
      reason: "Stopped by its stop condition loss < 0.5: loss was 0.3 at index 2.",
    });
  });

  it("met before the run is known to run stops it then", async () => {
    await using world = await openWorld();
    const spec = { ...bareSpec(), stopConditions: CONDITION };
    const building = await world.addRun({ spec }, assignedTo("a1"));
    await record(world, building, [loss(0.1)]);
    await world.rules.sweep();
    expect(await statusOf(world, building.id)).toBe("building");
    await world.store.updateRun(building.id, building.version, { status: "running", startedAtMs: 1 });
    await world.rules.sweep();
    expect(await statusOf(world, building.id)).toBe("stopping");
  });

  it("is found again by a coordinator that starts anew", async () => {
    await using world = await openWorld();
    const run = await running(world, { stopConditions: CONDITION });
    await world.store.metrics.addBatch(run.id, 1, 0, [loss(0.9), loss(0.2, 1)]);
    const { store, lifecycle } = world;
    await new StopRules({ store, lifecycle, now: () => world.clock.nowMs }).sweep();
    expect(await statusOf(world, run.id)).toBe("stopping");
  });

  it("gives way to a kill, and changes nothing of a run that has ended", async () => {
    await using world = await openWorld();
    const run = await running(world, { stopConditions: CONDITION });
    await record(world, run, [loss(0.1)]);
    await world.lifecycle.request(ANN, run.id, "kill");
    await world.lifecycle.report("a1", [ended(run.id)]);
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "killed", reasonCode: "killed-by" });
    await record(world, run, [loss(0.1)]);
    expect(await statusOf(world, run.id)).toBe("killed");
  });
});

describe("a timeout", () => {
  it("stops the run so many minutes after its command began", async () => {
    await using world = await openWorld();
    const [run, other] = [await running(world, { timeoutMinutes: 5 }), await running(world, {})];
    world.clock.nowMs += 5 * 60_000 - 1;
    await world.rules.sweep();
    expect(await statusOf(world, run.id)).toBe("running");
    world.clock.nowMs += 1;
    await world.rules.sweep();
    expect(await statusOf(world, run.id)).toBe("stopping");
    expect(await statusOf(world, other.id)).toBe("running");
    await world.lifecycle.report("a1", [ended(run.id)]);
    expect(await world.store.findRun(run.id)).toMatchObject({
      ...{ status: "stopped", reasonCode: "timed-out", reason: "Stopped after its timeout of 5 minutes." },
    });
  });

  it("is counted from the command's start as the agent saw it, also when the coordinator was away then and began anew", async () => {
    await using world = await openWorld();
    const { store, lifecycle } = world;
    const runs = await Promise.all(
      [5, 5, 5].map((timeoutMinutes) => world.addRun({ spec: { ...bareSpec(), timeoutMinutes } }, assignedTo("a1"))),
    );
    const [over, within, done] = runs.map(({ id }) => id) as [number, number, number];
    world.clock.nowMs += 3_600_000;
    // The agent's own clock is an hour behind.
    const entered = (minutes: number) => ({
      ...{ phase: "running" as const, atMs: world.clock.nowMs - 3_600_000 - minutes * 60_000 },
      ageMs: minutes * 60_000,
    });
    const told = (runId: number, minutes: number) => ({
      ...ended(runId),
      result: undefined,
      history: [entered(minutes)],
    });
    await lifecycle.report("a1", [told(over, 6), told(within, 4)]);
    // It ended by itself before anybody could stop it.
    await lifecycle.report("a1", [{ ...told(done, 50), result: { cause: "exit", exitCode: 0, logEntries: 0 } }]);
    await new StopRules({ store, lifecycle, now: () => world.clock.nowMs }).sweep();
    expect(await Promise.all([over, within, done].map((id) => statusOf(world, id)))).toEqual([
      ...["stopping", "running", "complete"],
    ]);
  });

  it("and a user's stop: the one that was recorded first is the reason", async () => {
    await using world = await openWorld();
    const runs = [await running(world, { timeoutMinutes: 5 }), await running(world, { timeoutMinutes: 5 })];
    const [rule, user] = runs.map(({ id }) => id) as [number, number];
    await world.lifecycle.request(ANN, user, "stop");
    world.clock.nowMs += 5 * 60_000;
    await world.rules.sweep();
    await world.lifecycle.request(ANN, rule, "stop");
    await world.lifecycle.report("a1", [ended(rule), ended(user)]);
    expect(await world.store.findRun(rule)).toMatchObject({ status: "stopped", reasonCode: "timed-out" });
    expect(await world.store.findRun(user)).toMatchObject({
      ...{ status: "stopped", reasonCode: "stopped-by", reason: "Stopped by ann." },
    });
  });
});
