/** What the record knows of a log: notices, attempts, segments. */
import { describe, expect, it } from "vitest";
import type { RunStore } from "../run-store.ts";
import type { RunChange } from "../records.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, ending, sampleNotice, sampleRun } from "./samples.ts";

/** Applies changes one after the other to run 1. */
async function apply(store: RunStore, ...changes: RunChange[]): Promise<void> {
  for (const change of changes) {
    const run = await store.findRun(1);
    expect(await store.updateRun(1, run?.version ?? -1, change)).toBeDefined();
  }
}

export function describeLogs(open: OpenFixture): void {
  describe("the log", () => {
    it("of an unknown run is undefined, of a new one its first notices", async () => {
      await using fixture = await open();
      const { store } = fixture;
      expect(await store.describeLog(1)).toBeUndefined();
      const notices = [sampleNotice("created"), sampleNotice("ü 🚀 \u001b[31m")];
      await store.createRun(sampleRun({ notices }), "");
      expect(await store.describeLog(1)).toEqual({ before: notices, attempts: [], after: [], final: false });
    });

    it("has the notices until the first attempt before, later ones after it", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun({ notices: [sampleNotice("1")] }), "");
      await apply(
        store,
        { notices: [sampleNotice("2")] },
        { ...assignment("a1"), notices: [sampleNotice("3")] },
        { ...ending(), attemptEnd: { logEntries: 0, atMs: 9_000 }, notices: [sampleNotice("4"), sampleNotice("5")] },
      );
      const log = await store.describeLog(1);
      expect(log?.before.map((entry) => entry.text)).toEqual(["1", "2", "3"]);
      expect(log?.after.map((entry) => entry.text)).toEqual(["4", "5"]);
      expect(log?.final).toBe(true);
    });

    it("of a run that never got a machine ends with its final notices", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun({ notices: [sampleNotice("created")] }), "");
      await apply(store, { ...ending("killed"), notices: [sampleNotice("killed")] });
      expect(await store.describeLog(1)).toEqual({
        before: [sampleNotice("created")],
        attempts: [],
        after: [sampleNotice("killed")],
        final: true,
      });
    });

    it("tells the end of an attempt, with its entries or without when they are unknown", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await apply(store, assignment("a1"));
      expect((await store.describeLog(1))?.attempts).toEqual([{ number: 1, ended: false, segments: [] }]);
      await apply(store, { attemptEnd: { atMs: 5_000 } }, assignment("a2", 2));
      await apply(store, { ...ending(), attemptEnd: { logEntries: 42, atMs: 9_000 } });
      const log = await store.describeLog(1);
      expect(log?.attempts).toEqual([
        { number: 1, ended: true, segments: [] },
        { number: 2, ended: true, logEntries: 42, segments: [] },
      ]);
    });

    it("an attempt that ended with no entries is not one whose entries are unknown", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await apply(store, assignment("a1"), { ...ending(), attemptEnd: { logEntries: 0, atMs: 9_000 } });
      expect((await store.describeLog(1))?.attempts).toEqual([{ number: 1, ended: true, logEntries: 0, segments: [] }]);
    });

    it("lists segments by number below their attempt; the same number again changes nothing", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await store.createRun(sampleRun(), "");
      const segment = (attempt: number, firstNumber: number, objectKey: string) => {
        return { attempt, firstNumber, entries: 10, objectKey };
      };
      await apply(store, assignment("a1"));
      expect(await store.addLogSegment(1, segment(1, 0, "logs/earlier"))).toBe(true);
      await apply(store, { attemptEnd: { atMs: 1 } }, assignment("a1", 2));
      await store.addLogSegment(1, segment(2, 10, "logs/second"));
      await store.addLogSegment(1, segment(2, 0, "logs/first"));
      // Its end is where a reader has gone on: nothing is added to it any more.
      expect(await store.addLogSegment(1, segment(1, 10, "logs/too late"))).toBe(false);
      await store.addLogSegment(2, segment(1, 0, "logs/of another run"));
      await Promise.all([1, 2, 3].map(() => store.addLogSegment(1, segment(2, 0, "logs/again"))));
      expect((await store.describeLog(1))?.attempts.map((attempt) => attempt.segments)).toEqual([
        [segment(1, 0, "logs/earlier")],
        [segment(2, 0, "logs/first"), segment(2, 10, "logs/second")],
      ]);
    });
  });
}
