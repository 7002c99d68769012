/** Runs that stop themselves: by a condition on their metrics, or after their timeout. */
import type { NamedPoint } from "@spell/run-store";
import { describe, expect, it } from "vitest";
import { StopRules } from "./stop-rules.ts";
import type { World } from "./test-support/world.ts";
import { ANN, assignedTo, openWorld } from "./test-support/world.ts";
import { bareSpec } from "./test-support/records.ts";

const CONDITION = [[{ metric: "loss", operator: "<", value: 0.5, minIndex: 0 } as const]];
const loss = (value: number | string, index = 0): NamedPoint => ({ name: "loss", index, value, atMs: 1_000 + index });

async function running(world: World, over: object) {
  const run = await world.addRun({ spec: { ...bareSpec(), ...over } }, assignedTo("a1"));
  const startedAtMs = world.clock.nowMs;
  return (await world.store.updateRun(run.id, run.version, { status: "running", startedAtMs })) ?? run;
}
const statusOf = async (world: World, id: number) => (await world.store.findRun(id))?.status;
const ENDED = { cause: "stop", exitCode: 143, logEntries: 0 } as const;
const ended = (runId: number) => ({ runId, attempt: 1, leaseToken: "lease", history: [], result: ENDED });

describe("a stop condition", () => {
  it("stops the run as a user's stop does, and stands as the reason from then on", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", {});
    const run = await running(world, { stopConditions: CONDITION });
    await world.rules.recorded(run, [loss(0.9), loss("0.1", 1), loss(0.7, 2)]);
    expect(await statusOf(world, run.id)).toBe("running");
    // In the middle of a batch, and over again by its end.
    await world.rules.recorded(run, [loss(0.4, 3), loss(0.8, 4)]);
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

  it("met before the run is known to run stops it then", async () => {
    await using world = await openWorld();
    const spec = { ...bareSpec(), stopConditions: CONDITION };
    const building = await world.addRun({ spec }, assignedTo("a1"));
    await world.rules.recorded(building, [loss(0.1)]);
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
    await world.rules.recorded(run, [loss(0.1)]);
    await world.lifecycle.request(ANN, run.id, "kill");
    await world.lifecycle.report("a1", [ended(run.id)]);
    expect(await world.store.findRun(run.id)).toMatchObject({ status: "killed", reasonCode: "killed-by" });
    await world.rules.recorded(run, [loss(0.1)]);
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
});
