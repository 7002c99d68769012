/** Runs that are tried again, on a real record: the queue, the clock, and an agent that comes back for an attempt that it lost. */
import { toRetryPolicy } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { waitVerdict } from "./wait-status.ts";
import { bareSpec } from "./test-support/records.ts";
import type { World } from "./test-support/world.ts";
import { ANN, LEASE_MS, openWorld } from "./test-support/world.ts";

const RETRY = toRetryPolicy({ limit: 2, exitCodes: [3], firstPauseMs: 20_000, maxPauseMs: 60_000 });
const SPEC = { ...bareSpec(), retry: RETRY };

async function run(world: World, id: number): Promise<RunRecord> {
  const found = await world.store.findRun(id);
  return found ?? expect.fail("the run is gone");
}

/** The run once an agent has it. */
async function held(world: World, id: number, attempt: number): Promise<RunRecord> {
  world.dispatcher.kick();
  return waitFor(`attempt ${attempt}`, async () => {
    const found = await run(world, id);
    return found.agentId !== undefined && found.attempt === attempt && found;
  });
}

/** Its agent says that it ran and exited. */
async function exits(world: World, { id, attempt, leaseToken = "", agentId = "" }: RunRecord, exitCode: number) {
  const history = [{ phase: "running" as const, atMs: world.clock.nowMs }];
  const result = { cause: "exit" as const, exitCode, logEntries: 0 };
  await world.lifecycle.report(agentId, [{ runId: id, attempt, leaseToken, history, result }]);
}

/** The agents fall silent for longer than a lease. */
async function fallSilent(world: World): Promise<void> {
  await world.lifecycle.sweepLeases();
  for (let passed = 0; passed <= LEASE_MS; passed += 1_000) {
    world.clock.monotonicMs += 1_000;
    await world.lifecycle.sweepLeases();
  }
}

describe("the leases of an agent that is heard while they are being ended", () => {
  it("stay, but for what was written by then", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 2 });
    const [first, second] = [await world.addRun(), await world.addRun()];
    await Promise.all([held(world, first.id, 1), held(world, second.id, 1)]);
    const update = world.store.updateRun.bind(world.store);
    world.store.updateRun = (...change) => {
      world.leases.renew("a1");
      return update(...change);
    };
    await fallSilent(world);
    expect((await run(world, first.id)).reasonCode).toBe("agent-lost");
    expect((await run(world, second.id)).endedAtMs).toBeUndefined();
  });
});

describe("a run with a retry policy", () => {
  it("waits its pause, is tried again, and ends as its last attempt did", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const { id } = await world.addRun({ spec: SPEC });
    await exits(world, await held(world, id, 1), 3);
    const waiting = await run(world, id);
    expect(waiting).toMatchObject({ status: "machine_requested", attempt: 1, notBeforeMs: world.clock.nowMs + 20_000 });
    expect(await world.dispatcher.explain(waiting)).toBe(
      "Attempt 1 ended: The command exited with code 3; attempt 2 starts in 20 s.",
    );
    // Its slot is free meanwhile.
    const other = await world.addRun();
    await exits(world, await held(world, other.id, 1), 0);
    expect((await run(world, id)).agentId).toBeUndefined();
    world.clock.nowMs += 20_000;
    await exits(world, await held(world, id, 2), 3);
    world.clock.nowMs += 39_999;
    expect(await world.store.listQueued(9, world.clock.nowMs)).toEqual([]);
    world.clock.nowMs += 1;
    await exits(world, await held(world, id, 3), 3);
    expect(await run(world, id)).toMatchObject({ status: "failed", userExitCode: 3, attempt: 3 });
    const attempts = await world.store.listAttempts(id);
    expect(attempts.map(({ end }) => [end?.status, end?.exitCode, end?.reason])).toEqual(
      Array.from({ length: 3 }, () => ["failed", 3, "The command exited with code 3."]),
    );
  });

  it("is woken when its pause is over, by nobody else", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const spec = { ...bareSpec(), retry: toRetryPolicy({ limit: 1, exitCodes: [3], firstPauseMs: 50 }) };
    const { id } = await world.addRun({ spec });
    await exits(world, await held(world, id, 1), 3);
    world.clock.nowMs += 50;
    expect(await waitFor("the second attempt", async () => (await run(world, id)).attempt === 2)).toBe(true);
  });

  it("waits no longer than its pause when the clock is set back by an hour", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const { id } = await world.addRun({ spec: SPEC });
    await exits(world, await held(world, id, 1), 3);
    world.clock.nowMs -= 3_600_000;
    expect((await held(world, id, 2)).attempt).toBe(2);
  });

  it("goes to another agent than the one that was lost, whose late words change nothing", async () => {
    await using world = await openWorld();
    const first = world.connect("a1", { CPU: 4 });
    const { id } = await world.addRun({ spec: SPEC });
    const lost = await held(world, id, 1);
    world.connect("a2", { CPU: 1 });
    await fallSilent(world);
    expect(await run(world, id)).toMatchObject({ status: "machine_requested", attempt: 1 });
    world.clock.nowMs += 20_000;
    expect((await held(world, id, 2)).agentId).toBe("a2");
    const before = await run(world, id);
    await exits(world, lost, 0);
    expect(await run(world, id)).toEqual(before);
    // Told what it should be doing, it finds its attempt no more and lets go of it.
    first.reported = new Set([`${id}/1`]);
    expect(await world.lifecycle.desired(first)).toEqual([]);
    const lease = { runId: id, attempt: 1, token: lost.leaseToken ?? "" };
    await expect(world.lifecycle.requireLease("a1", lease)).rejects.toMatchObject({ code: "stale-lease" });
    const token = world.auth.runToken(id, 1);
    await expect(world.auth.authenticate(token)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(await world.auth.authenticate(world.auth.runToken(id, 2))).toMatchObject({ runId: id });
  });

  it("is not called lost because an attempt before ran", async () => {
    await using world = await openWorld();
    const agent = world.connect("a1", { CPU: 1 });
    const { id } = await world.addRun({ spec: SPEC });
    await exits(world, await held(world, id, 1), 3);
    world.clock.nowMs += 20_000;
    await held(world, id, 2);
    agent.reported = new Set([`${id}/1`]);
    expect(await world.lifecycle.desired(agent)).toMatchObject([
      { action: "run", withSpec: true, run: { attempt: 2 } },
    ]);
    expect(await run(world, id)).toMatchObject({ status: "building", attempt: 2 });
  });

  it("is waited for until the attempt after", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const { id } = await world.addRun({ spec: SPEC });
    await exits(world, await held(world, id, 1), 3);
    expect(waitVerdict(await run(world, id), ["running"])).toEqual({ kind: "wait" });
    expect(waitVerdict(await run(world, id), ["failed", "complete"])).toEqual({ kind: "wait" });
    world.clock.nowMs += 20_000;
    await exits(world, await held(world, id, 2), 0);
    expect(waitVerdict(await run(world, id), ["running"])).toEqual({ kind: "reached" });
  });

  it("ends at once when it is killed while it waits, and its attempts stay as they were", async () => {
    await using world = await openWorld();
    world.connect("a1", { CPU: 1 });
    const { id } = await world.addRun({ spec: SPEC });
    await exits(world, await held(world, id, 1), 3);
    await world.lifecycle.request(ANN, id, "kill");
    expect(await run(world, id)).toMatchObject({ status: "killed", reasonCode: "killed-by", reason: "Killed by ann." });
    world.clock.nowMs += 3_600_000;
    expect(await world.store.listQueued(9, world.clock.nowMs)).toEqual([]);
    expect((await world.store.listAttempts(id)).map(({ end }) => end?.status)).toEqual(["failed"]);
  });
});
