/** Hyper-parameter searches: whole or not at all, each run once. */
import { describe, expect, it } from "vitest";
import type { NewHyperSearch, SearchSpec } from "../hyper.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, ending, sampleRun, sampleSpec } from "./samples.ts";

const spec: SearchSpec = {
  ...{ kind: "bayesian", numRuns: 3, parallelRuns: 2, metric: "keras/val ü 'x", aggregation: "last" },
  parameters: [{ name: "lr", range: { min: 1e-5, max: 0.1, scaling: "reverse_log", type: "float" } }],
};

function search(over: Partial<NewHyperSearch> = {}): NewHyperSearch {
  return { owner: "ann", spec, template: sampleRun(), seed: 2 ** 31 - 1, createdAtMs: 5, ...over };
}

/** A run with this value. */
function withRate(lr: number) {
  return sampleRun({ spec: sampleSpec({ params: { lr } }) });
}

async function endRun(store: RunStore, id: number): Promise<void> {
  const run = await store.findRun(id);
  if (run !== undefined) await store.updateRun(id, run.version, ending());
}

export function describeHyper(open: OpenFixture): void {
  describe("a hyper-parameter search", () => {
    it("is made with its first runs, and found again", async () => {
      await using fixture = await open();
      const { hyper } = fixture.store;
      const { search: made, runs, existed } = await hyper.create(search(), [withRate(0.5), withRate(0.25)], "");
      expect(existed).toBe(false);
      expect(made).toEqual({ ...search(), id: 1 });
      expect(runs.map(({ spec: { params }, hyperSearchId, status }) => ({ params, hyperSearchId, status }))).toEqual([
        { params: { lr: 0.5 }, hyperSearchId: 1, status: "machine_requested" },
        { params: { lr: 0.25 }, hyperSearchId: 1, status: "machine_requested" },
      ]);
      expect(await hyper.find(1)).toEqual(made);
      expect(await hyper.listRuns(1)).toEqual(runs);
      expect(await hyper.listOpen()).toEqual([1]);
      expect(await fixture.store.listQueued(10)).toEqual(runs);
      for (const id of [0, 2, -1, 1.5, Number.NaN, 2 ** 70]) expect(await hyper.find(id)).toBeUndefined();
      const reopened = await fixture.reopen();
      expect(await reopened.hyper.find(1)).toEqual(made);
      expect(await reopened.hyper.listRuns(1)).toEqual(runs);
    });

    it("is made once for a client key, for each owner", async () => {
      await using fixture = await open();
      const { hyper } = fixture.store;
      const first = await hyper.create(search(), [withRate(1)], "key");
      const again = await hyper.create(search({ seed: 1 }), [withRate(2), withRate(3)], "key");
      expect(again).toEqual({ ...first, existed: true });
      expect(await hyper.findByClientKey("ann", "key")).toEqual(first.search);
      expect(await hyper.findByClientKey("bob", "key")).toBeUndefined();
      expect(await hyper.findByClientKey("ann", "")).toBeUndefined();
      expect((await hyper.create(search({ owner: "bob" }), [], "key")).existed).toBe(false);
      const [one, two] = [await hyper.create(search(), [], ""), await hyper.create(search(), [], "")];
      expect(one.search.id).not.toBe(two.search.id);
      expect(await fixture.store.listRuns({ owner: "ann", pageSize: 10 })).toHaveLength(1);
    });

    it("gets each further run once, in order, and none once it is to stop", async () => {
      await using fixture = await open();
      const { hyper } = fixture.store;
      await hyper.create(search(), [withRate(1)], "");
      const added = await Promise.all([hyper.addRun(1, 1, withRate(2)), hyper.addRun(1, 1, withRate(9))]);
      expect(added.map((run) => run?.spec.params["lr"])).toEqual([2, undefined]);
      expect(added[0]?.hyperSearchId).toBe(1);
      expect(await hyper.addRun(1, 1, withRate(9))).toBeUndefined();
      expect(await hyper.addRun(1, 3, withRate(9))).toBeUndefined();
      expect(await hyper.addRun(7, 0, withRate(9))).toBeUndefined();
      await hyper.request(1, "stop", "ann");
      expect(await hyper.addRun(1, 2, withRate(9))).toBeUndefined();
      expect(await hyper.listRuns(1)).toHaveLength(2);
    });

    it("tells how far it is", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { runs } = await store.hyper.create(search(), [withRate(1), withRate(2)], "");
      expect(await store.hyper.progress(1)).toEqual({ made: 2, open: 2 });
      for (const [place, run] of runs.entries()) {
        const held = await store.updateRun(run.id, run.version, { ...assignment("a1"), startedAtMs: 70 - place });
        expect(held).toBeDefined();
      }
      await endRun(store, 1);
      expect(await store.hyper.progress(1)).toEqual({ made: 2, open: 1, startedAtMs: 69 });
      expect(await store.hyper.progress(9)).toEqual({ made: 0, open: 0 });
    });

    it("ends when all its runs were made and have ended, or it was to stop", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { hyper } = store;
      await hyper.create(search(), [withRate(1)], "");
      expect(await hyper.end(1, 1, 50)).toBe(false);
      await endRun(store, 1);
      expect(await hyper.end(1, 2, 50)).toBe(false);
      expect(await hyper.end(1, 1, 50)).toBe(true);
      expect(await hyper.end(1, 1, 60)).toBe(false);
      expect(await hyper.find(1)).toMatchObject({ endedAtMs: 50 });
      expect(await hyper.listOpen()).toEqual([]);
      expect(await hyper.request(1, "kill", "ann")).toEqual({ ...search(), id: 1, endedAtMs: 50 });
      expect(await hyper.addRun(1, 1, withRate(9))).toBeUndefined();
      await hyper.create(search(), [], "");
      await hyper.request(2, "stop", "ann");
      expect(await hyper.end(2, 3, 70)).toBe(true);
      expect(await hyper.end(9, 0, 70)).toBe(false);
    });

    it("keeps the first request, unless a kill follows a stop", async () => {
      await using fixture = await open();
      const { hyper } = fixture.store;
      await hyper.create(search(), [withRate(1)], "");
      expect(await hyper.request(1, "stop", "ann")).toMatchObject({ requested: "stop", requestedBy: "ann" });
      expect(await hyper.request(1, "kill", "o'brien")).toMatchObject({ requested: "kill", requestedBy: "o'brien" });
      expect(await hyper.request(1, "stop", "ann")).toMatchObject({ requested: "kill", requestedBy: "o'brien" });
      expect(await hyper.request(9, "stop", "ann")).toBeUndefined();
    });

    it("is listed for its owner, newest first, until it is archived, which it can be once and at its end", async () => {
      await using fixture = await open();
      const { hyper } = fixture.store;
      for (const owner of ["ann", "bob", "ann"]) await hyper.create(search({ owner }), [], "");
      const ids = async (owner: string) => (await hyper.list(owner)).map(({ id }) => id);
      expect(await ids("ann")).toEqual([3, 1]);
      expect(await ids("nobody")).toEqual([]);
      expect(await hyper.archive(3, 80)).toBe(false);
      await hyper.request(3, "stop", "ann");
      await hyper.end(3, 3, 70);
      expect(await hyper.archive(3, 80)).toBe(true);
      expect(await hyper.archive(3, 90)).toBe(false);
      expect(await hyper.archive(9, 90)).toBe(false);
      // One that is to end may be hidden before its runs have heard of it.
      await hyper.create(search(), [withRate(1)], "");
      await hyper.request(4, "kill", "ann");
      expect(await hyper.archive(4, 95)).toBe(true);
      expect(await hyper.listOpen()).toContain(4);
      expect(await ids("ann")).toEqual([1]);
      expect(await hyper.find(3)).toMatchObject({ archivedAtMs: 80 });
    });
  });
}
