/** Runs that are tried again: in line once more, from a time on, with every attempt kept. */
import { describe, expect, it } from "vitest";
import type { RunChange, RunRecord } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, digestFor, ending, sampleNotice, sampleRun } from "./samples.ts";

const LOST = { status: "interrupted", reasonCode: "agent-lost", reason: "Its agent was lost." } as const;

/** The end of an attempt that another follows. */
function again(atMs = 5_000, notBeforeMs = 25_000): RunChange {
  return {
    status: "machine_requested",
    reason: "Attempt 1 ended",
    attemptEnd: { ...LOST, exitCode: 3, logEntries: 4, atMs },
    requeue: { notBeforeMs, atMs },
    notices: [sampleNotice("again")],
  };
}

/** A run, changed as said. */
async function changed(store: RunStore, ...changes: RunChange[]): Promise<RunRecord> {
  let { run } = await store.createRun(sampleRun({ notices: [sampleNotice("created")] }), "");
  for (const change of changes) {
    const next = await store.updateRun(run.id, run.version, change);
    expect(next).toBeDefined();
    run = next ?? run;
  }
  return run;
}

async function queued(store: RunStore, nowMs?: number): Promise<number[]> {
  return (await store.listQueued(9, nowMs)).map(({ id }) => id);
}

const STARTED: RunChange = { status: "running", startedAtMs: 3_000, passed: ["running"] };

export function describeRetries(open: OpenFixture): void {
  describe("trying a run again", () => {
    it("puts it in line as one that nobody has: no agent, no lease, no slots, nothing passed", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const fresh = await changed(store);
      const waiting = await changed(store, assignment("a1"), STARTED, again());
      expect(waiting).toEqual({
        ...fresh,
        ...{ id: waiting.id, version: waiting.version, attempt: 1, notBeforeMs: 25_000, reason: "Attempt 1 ended" },
      });
      expect(await store.findRun(waiting.id)).toEqual(waiting);
      expect(await store.listHeld()).toEqual([]);
    });

    it("lets it wait for its time, and tells when that is", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { id } = await changed(store, assignment("a1"), again());
      const later = await changed(store, assignment("a1"), again(5_000, 90_000));
      expect(await queued(store, 24_999)).toEqual([]);
      expect(await store.nextQueuedAtMs(24_999)).toBe(25_000);
      expect(await queued(store, 25_000)).toEqual([id]);
      expect(await store.nextQueuedAtMs(25_000)).toBe(90_000);
      expect(await queued(store, 90_000)).toEqual([id, later.id]);
      expect(await store.nextQueuedAtMs(90_000)).toBeUndefined();
      expect(await queued(store)).toEqual([id, later.id]);
    });

    it("is not held up by a clock that was set back", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { id } = await changed(store, assignment("a1"), again());
      expect(await queued(store, 4_999)).toEqual([id]);
      expect(await store.nextQueuedAtMs(4_999)).toBeUndefined();
      expect(await queued(store, 5_000)).toEqual([]);
    });

    it("does not let those that wait for a time stand before those that do not", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (let count = 0; count < 3; count += 1) await changed(store, assignment("a1"), again());
      const ready = await changed(store);
      expect((await store.listQueued(1, 6_000)).map(({ id }) => id)).toEqual([ready.id]);
    });

    it("keeps each attempt: where, when, and how it ended", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await changed(store, assignment("a1"), STARTED, again(), assignment("a2", 2));
      expect(run).toMatchObject({ attempt: 2, agentId: "a2", status: "building" });
      expect(run.notBeforeMs).toBeUndefined();
      expect(run.passed).toEqual(["machine_requested", "building"]);
      const first = {
        ...{ number: 1, agentId: "a1", assignedAtMs: 2_000, startedAtMs: 3_000 },
        end: { ...LOST, exitCode: 3, logEntries: 4, atMs: 5_000 },
      };
      const second = { number: 2, agentId: "a2", assignedAtMs: 2_000 };
      expect(await store.listAttempts(run.id)).toEqual([first, second]);
      expect(await store.listAttempts(99)).toEqual([]);
      const end = { ...ending(), attemptEnd: { status: "complete", exitCode: 0, logEntries: 1, atMs: 9_000 } } as const;
      expect(await store.updateRun(run.id, run.version, end)).toMatchObject({ status: "complete", agentId: "a2" });
      expect((await store.listAttempts(run.id))[1]?.end).toEqual(end.attemptEnd);
    });

    it("says what it says between the attempts it stands between", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const twice: RunChange = { ...again(), notices: [sampleNotice("once more"), sampleNotice("soon")] };
      const end = { ...ending(), attemptEnd: { logEntries: 0, atMs: 9_000 }, notices: [sampleNotice("over")] };
      const begun = [assignment("a1"), again(), assignment("a2", 2), twice, assignment("a1", 3)];
      const run = await changed(store, ...begun, end);
      const log = await store.describeLog(run.id);
      expect(log?.before.map(({ text }) => text)).toEqual(["created"]);
      const between = log?.attempts.map(({ notices }) => notices?.map(({ text }) => text));
      expect(between).toEqual([["again"], ["once more", "soon"], undefined]);
      expect(log?.after.map(({ text }) => text)).toEqual(["over"]);
    });

    it("ends what waits without touching the attempts before", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const kill: RunChange = { ...ending("killed"), requested: "kill", notices: [sampleNotice("killed")] };
      const run = await changed(store, assignment("a1"), again(), kill);
      expect(run.notBeforeMs).toBeUndefined();
      expect(await queued(store)).toEqual([]);
      expect((await store.listAttempts(run.id)).map(({ end }) => end?.status)).toEqual(["interrupted"]);
      expect((await store.describeLog(run.id))?.after.map(({ text }) => text)).toEqual(["killed"]);
    });

    it("counts as under way for whoever asks for the same", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const same = sampleRun({ requestHash: "the same" });
      const { run } = await store.createRun(same, "");
      const held = await store.updateRun(run.id, run.version, assignment("a1"));
      const failed = { ...again(), attemptEnd: { status: "failed", exitCode: 3, atMs: 5_000 } } as const;
      await store.updateRun(run.id, held?.version ?? -1, failed);
      expect(await store.createRun(same, "", { reuse: true })).toMatchObject({ reused: true, run: { id: run.id } });
    });

    it("takes no segment and no points of an attempt that is over", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await changed(store, assignment("a1"));
      const point = { name: "loss", atMs: 4_000, index: 0, value: 1 };
      expect(await store.metrics.addBatch(run.id, 1, 0, [point])).toBe(1);
      await store.updateRun(run.id, run.version, again());
      const segment = { attempt: 1, firstNumber: 0, entries: 9, objectKey: "logs/late" };
      expect(await store.addLogSegment(run.id, segment)).toBe(false);
      expect(await store.metrics.addBatch(run.id, 1, 1, [{ ...point, index: 1 }])).toBe(1);
      expect(await store.metrics.listPoints(run.id, "loss")).toHaveLength(1);
    });

    it("makes the run that goes on for another in the write that ends that one, and in no other", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const held = await changed(store, assignment("a1"));
      const resume = sampleRun({ labels: ["next"], notices: [sampleNotice("goes on")] });
      const end: RunChange = { ...LOST, attemptEnd: { ...LOST, atMs: 9_000 }, endedAtMs: 9_000, resume };
      expect(await store.updateRun(held.id, held.version - 1, end)).toBeUndefined();
      const ends = await Promise.all([1, 2, 3].map(() => store.updateRun(held.id, held.version, end)));
      const ended = ends.filter((each) => each !== undefined);
      expect(ended).toHaveLength(1);
      const next = await store.findRun(ended[0]?.resumedAsRun ?? 0);
      expect(next).toMatchObject({ resumedFromRun: held.id, status: "machine_requested", labels: ["next"] });
      expect(await queued(store)).toEqual([next?.id]);
      expect(await store.listRuns({ owner: "ann", pageSize: 9 })).toHaveLength(2);
    });

    it("ends nothing when what the other run is made of is not there", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const held = await changed(store, assignment("a1"));
      const resume = sampleRun({ spec: { ...sampleRun().spec, codeTree: digestFor("never stored") } });
      const end: RunChange = { ...LOST, endedAtMs: 9_000, resume };
      await expect(store.updateRun(held.id, held.version, end)).rejects.toMatchObject({ reason: "no-such-tree" });
      expect(await store.findRun(held.id)).toEqual(held);
    });

    it("is durable, and leaves old outputs nowhere", async () => {
      await using fixture = await open();
      const run = await changed(fixture.store, assignment("a1"), { outputTree: digestFor("save") }, again());
      expect(run.outputTree).toBeUndefined();
      const store = await fixture.reopen();
      expect(await store.findRun(run.id)).toEqual(run);
      expect(await store.nextQueuedAtMs(6_000)).toBe(25_000);
    });
  });
}
