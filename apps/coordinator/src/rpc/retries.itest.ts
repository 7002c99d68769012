/** A run that is tried again elsewhere, and the agent that lost it: over the wire, with a stream that comes back. */
import type { Lease } from "../test-support/agent.ts";
import { OFFER, TestStream, archive, connectAgent, report } from "../test-support/agent.ts";
import { lines, newRun, post, waitForStatus } from "../test-support/api.ts";
import { commitFiles } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";
import { waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";

const RETRY = { limit: 1, exit_codes: [3], backoff_seconds: 0 };

async function getRun(world: World, runId: number) {
  const { run } = await call(world.runs.getRun.bind(world.runs), { runId }, world.ann);
  return run ?? expect.fail("no run");
}

function textsOf(values: readonly Record<string, unknown>[]): unknown[] {
  return values.flatMap((line) => ("log_entry" in line ? [(line["log_entry"] as { log: string }).log] : []));
}

/** A run whose first attempt, on the agent `old`, was given up and whose second is with `young`. */
async function retriedElsewhere(world: World) {
  const old = await connectAgent(world);
  const runId = await newRun(world, { retry: { ...RETRY, backoff_seconds: 0 } });
  const { lease: oldLease } = await old.stream.attemptOf(runId);
  await old.stream.ask({ ...OFFER, attempts: [report(oldLease, ["running"])] });
  await archive(world, { token: old.token, lease: oldLease, firstNumber: 0, texts: ["first attempt"] });
  const young = await connectAgent(world);
  // As if its lease had run out: what the coordinator does then, without the minute.
  const { store } = world.services;
  old.stream.call.cancel();
  await waitFor("the stream to be gone", () => old.stream.ended);
  const held = (await store.findRun(runId)) ?? expect.fail("no run");
  const atMs = world.services.now();
  await store.updateRun(runId, held.version, {
    status: "machine_requested",
    reason: "Attempt 1 ended: Its agent was lost",
    attemptEnd: { status: "interrupted", reasonCode: "agent-lost", reason: "Its agent was lost.", atMs },
    requeue: { notBeforeMs: atMs, atMs },
  });
  world.services.dispatcher.kick();
  const { lease } = await young.stream.attemptOf(runId);
  return { runId, old, oldLease, young, lease };
}

describe("a run that is tried again", () => {
  it("shows its attempts, its log has them one after the other, and its outputs are those of the last", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world, { retry: RETRY });
    const tryOnce = async (attempt: number, exitCode: number, text: string, outputTree: string): Promise<void> => {
      const { lease } = await agent.stream.attemptOf(runId);
      expect(lease.attempt).toBe(attempt);
      await archive(world, { token: agent.token, lease, firstNumber: 0, texts: [text] });
      const end = { cause: "exit", exitCode, logEntries: 1, outputTree };
      agent.stream.say({ ...OFFER, attempts: [report(lease, ["building", "running", "saving"], end)] });
    };
    const [first, last] = [
      await commitFiles(world, { a: "of the first" }),
      await commitFiles(world, { a: "of the last" }),
    ];
    await tryOnce(1, 3, "first try", first);
    await agent.stream.sees("the second attempt", ({ attempts }) => attempts[0]?.lease?.attempt === 2);
    await tryOnce(2, 0, "second try", last);
    await waitForStatus(world, runId, "complete");
    const run = await getRun(world, runId);
    expect(run).toMatchObject({ attempt: 2, userExitCode: 0, outputTree: last });
    expect(run.attempts).toMatchObject([
      { number: 1, agent: "box", status: "failed", reasonCode: "exit-code", exitCode: 3 },
      { number: 2, agent: "box", status: "complete", reasonCode: "exit-code", exitCode: 0 },
    ]);
    const log = textsOf(await lines(world, `runs/ann/${runId}/logs`, { follow: true, offset: 0 }));
    expect(log).toEqual([
      "Run created -- waiting for a CPU machine.",
      "first try",
      "Attempt 1 ended: The command exited with code 3; attempt 2 is next.",
      "second try",
      expect.stringMatching(/^Total run time: /),
      `Run ${runId} complete`,
    ]);
  });

  it("says while it waits what ended it and when it goes on, and is killed at once", async () => {
    await using world = await openWorld();
    using agent = await connectAgent(world);
    const runId = await newRun(world, { retry: { ...RETRY, backoff_seconds: 3_600 * 5 } });
    const { lease } = await agent.stream.attemptOf(runId);
    const end = { cause: "exit", exitCode: 3 };
    const told = await agent.stream.ask({ ...OFFER, attempts: [report(lease, ["running"], end)] });
    expect(told.attempts).toEqual([]);
    const waiting = await getRun(world, runId);
    const reason = "Attempt 1 ended: The command exited with code 3; attempt 2 starts in 5 h.";
    expect(waiting).toMatchObject({ status: "machine_requested", reason, agent: "", startedAtMs: 0 });
    expect(waiting.notBeforeMs).toBeGreaterThan(world.services.now());
    expect(await waitForStatus(world, runId, "machine_requested")).toMatchObject({ reason, user_exit_code: null });
    expect((await post(world, `runs/ann/${runId}/kill`)).status).toBe(200);
    expect(await getRun(world, runId)).toMatchObject({ status: "killed", reason: "Killed by ann." });
  });

  it("is no affair any more of the agent that lost it: nothing that it says, stores or sends counts", async () => {
    await using world = await openWorld();
    const { runId, old, oldLease, young, lease } = await retriedElsewhere(world);
    using _young = young;
    const before = await getRun(world, runId);
    expect(before).toMatchObject({ attempt: 2, status: "building" });
    const stale = { code: "stale-lease" };
    const { agents, trees } = world;
    const outputTree = await commitFiles(world, { out: "of the old attempt" });

    // Report: also one that says how it ended, with outputs.
    using back = new TestStream(world, old.token);
    const result = { cause: "exit", exitCode: 0, logEntries: 9, outputTree };
    const told = await back.ask({ ...OFFER, attempts: [report(oldLease, ["running", "saving", "pushing"], result)] });
    expect(told.attempts).toEqual([]);
    const forged: Lease = { ...oldLease, attempt: 2 };
    expect((await back.ask({ ...OFFER, attempts: [report(forged, ["running"], result)] })).attempts).toEqual([]);

    const texts = ["said too late"];
    await expect(archive(world, { token: old.token, lease: oldLease, firstNumber: 1, texts })).rejects.toMatchObject(
      stale,
    );
    const points = { lease: oldLease, firstNumber: 0, points: [] };
    await expect(call(agents.commitMetricPoints.bind(agents), points, old.token)).rejects.toMatchObject(stale);
    const snapshot = { snapshotId: "x", lease: oldLease, tree: outputTree, error: "" };
    await expect(call(agents.completeSnapshot.bind(agents), snapshot, old.token)).rejects.toMatchObject(stale);
    const missing = { digests: [outputTree], targets: 1, lease: oldLease };
    await expect(call(trees.findMissing.bind(trees), missing, old.token)).rejects.toMatchObject(stale);
    const commit = { root: outputTree, objects: [], nodes: [], lease: oldLease, pack: undefined };
    await expect(call(trees.commitTree.bind(trees), commit, old.token)).rejects.toMatchObject(stale);
    expect(await getRun(world, runId)).toEqual(before);

    const end = { cause: "exit", exitCode: 0 };
    await young.stream.ask({ ...OFFER, attempts: [report(lease, ["running"], end)] });
    expect(await getRun(world, runId)).toMatchObject({ status: "complete", outputTree: "" });
    const log = textsOf(await lines(world, `runs/ann/${runId}/logs`, { follow: true, offset: 0 }));
    expect(log).not.toContain("said too late");
    expect(log).toContain("first attempt");
  });
});
