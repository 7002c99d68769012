/** Guarded changes: who comes second changes nothing. */
import { describe, expect, it } from "vitest";
import type { RunRecord } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, digestFor, ending, sampleNotice, sampleRun } from "./samples.ts";

async function created(store: RunStore): Promise<RunRecord> {
  return (await store.createRun(sampleRun(), "")).run;
}

export function describeChangingRuns(open: OpenFixture): void {
  describe("changing a run", () => {
    it("changes the fields given and keeps the others", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await created(store);
      const building = await store.updateRun(run.id, run.version, assignment("a1"));
      expect(building).toEqual({
        ...run,
        status: "building",
        passed: ["machine_requested", "building"],
        attempt: 1,
        agentId: "a1",
        leaseToken: "lease-a1-1",
        slots: [0, 2],
        version: building?.version,
      });
      expect(building?.version).toBeGreaterThan(run.version);
      const stopping = await store.updateRun(run.id, building?.version ?? -1, {
        status: "stopping",
        requested: "stop",
        requestedBy: "ann",
        startedAtMs: 3_000,
        passed: ["running", "stopping"],
      });
      expect(stopping).toMatchObject({
        ...building,
        status: "stopping",
        requested: "stop",
        requestedBy: "ann",
        startedAtMs: 3_000,
        passed: ["machine_requested", "building", "running", "stopping"],
        version: stopping?.version,
      });
      const end = { ...ending(), userExitCode: 0, outputTree: digestFor("out") };
      const ended = await store.updateRun(run.id, stopping?.version ?? -1, end);
      expect(ended).toEqual({
        ...stopping,
        ...end,
        passed: ["machine_requested", "building", "running", "stopping", "complete"],
        version: ended?.version,
      });
      expect(await store.findRun(run.id)).toEqual(ended);
    });

    it("an empty change is a change of the version only", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await created(store);
      const changed = await store.updateRun(run.id, run.version, {});
      expect(changed).toEqual({ ...run, version: changed?.version });
      expect(changed?.version).not.toBe(run.version);
    });

    it("counts each status once in what it passed", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await created(store);
      const first = await store.updateRun(run.id, run.version, { status: "running", passed: ["building", "running"] });
      const second = await store.updateRun(run.id, first?.version ?? -1, { status: "running", passed: ["building"] });
      expect(second?.passed).toEqual(["machine_requested", "building", "running"]);
    });

    it("with an old version changes nothing: no field, no attempt, no notice", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const run = await created(store);
      const current = await store.updateRun(run.id, run.version, assignment("a1"));
      const log = await store.describeLog(run.id);
      const late = { ...assignment("a2", 2), notices: [sampleNotice("late")], attemptEnd: { logEntries: 3, atMs: 4 } };
      for (const version of [run.version, (current?.version ?? 0) + 1, -1]) {
        expect(await store.updateRun(run.id, version, { ...late, ...ending("killed"), ...late })).toBeUndefined();
      }
      expect(await store.findRun(run.id)).toEqual(current);
      expect(await store.describeLog(run.id)).toEqual(log);
      expect(await store.listHeld("a2")).toEqual([]);
    });

    it("that does not exist answers undefined and makes nothing", async () => {
      await using fixture = await open();
      const { store } = fixture;
      expect(await store.updateRun(7, 1, { ...assignment("a1"), notices: [sampleNotice("x")] })).toBeUndefined();
      expect(await store.findRun(7)).toBeUndefined();
      expect(await store.describeLog(7)).toBeUndefined();
      expect(await store.listHeld()).toEqual([]);
    });

    it("lets exactly one of many writers with the same version win", async () => {
      await using fixture = await open();
      const { store } = fixture;
      let run = await created(store);
      for (let round = 1; round <= 5; round += 1) {
        const { version } = run;
        const tries = Array.from({ length: 20 }, (_, writer) =>
          store.updateRun(run.id, version, { requestedBy: `writer ${writer}`, notices: [sampleNotice(`${round}`)] }),
        );
        const winners = (await Promise.all(tries)).filter((result) => result !== undefined);
        expect(winners).toHaveLength(1);
        run = winners[0] ?? run;
        expect(await store.findRun(run.id)).toEqual(run);
      }
      const log = await store.describeLog(run.id);
      expect(log?.before.map((entry) => entry.text)).toEqual(["1", "2", "3", "4", "5"]);
    });

    it("loses no change of writers that load, decide and try again", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { id } = await created(store);
      const add = async (): Promise<void> => {
        for (;;) {
          const run = await store.findRun(id);
          const count = run?.userExitCode ?? 0;
          if ((await store.updateRun(id, run?.version ?? -1, { userExitCode: count + 1 })) !== undefined) return;
        }
      };
      await Promise.all(Array.from({ length: 15 }, add));
      expect((await store.findRun(id))?.userExitCode).toBe(15);
    });
  });
}
