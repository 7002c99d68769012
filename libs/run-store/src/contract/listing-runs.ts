/** Lists: of an owner, of a workflow, of the queue, of what agents hold. */
import { describe, expect, it } from "vitest";
import type { RunRecord } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, ending, sampleMaster, sampleRun, sampleSpec } from "./samples.ts";

function ids(runs: readonly RunRecord[]): number[] {
  return runs.map((run) => run.id);
}

async function change(store: RunStore, id: number, with_: Parameters<RunStore["updateRun"]>[2]): Promise<void> {
  const run = await store.findRun(id);
  expect(await store.updateRun(id, run?.version ?? -1, with_)).toBeDefined();
}

export function describeListingRuns(open: OpenFixture): void {
  describe("listing", () => {
    it("gives the newest first, page by page, of one owner only", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (let id = 1; id <= 7; id += 1) await store.createRun(sampleRun({ owner: id === 4 ? "bob" : "ann" }), "");
      const first = await store.listRuns({ owner: "ann", pageSize: 3 });
      expect(ids(first)).toEqual([7, 6, 5]);
      expect(first[0]).toEqual(await store.findRun(7));
      expect(ids(await store.listRuns({ owner: "ann", pageSize: 3, beforeId: 5 }))).toEqual([3, 2, 1]);
      expect(ids(await store.listRuns({ owner: "ann", pageSize: 3, beforeId: 1 }))).toEqual([]);
      expect(ids(await store.listRuns({ owner: "bob", pageSize: 100 }))).toEqual([4]);
      expect(await store.listRuns({ owner: "cyd", pageSize: 100 })).toEqual([]);
    });

    it("leaves archived runs out, and chooses by project, search, repository and labels together", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const spec = (workspaceId?: number) => ({ ...sampleSpec(), workspaceId, codeRoot: `code${workspaceId ?? ""}` });
      await store.createRun(sampleRun({ projectId: 1, labels: ["a"], spec: spec(3) }), "");
      await store.createRun(sampleRun({ projectId: 1, labels: ["b", "a"], spec: spec(4) }), "");
      await store.createRun(sampleRun({ hyperSearchId: 5, labels: [], spec: spec() }), "");
      const list = async (filter: object) => ids(await store.listRuns({ owner: "ann", pageSize: 9, ...filter }));
      expect(await list({ projectId: 1 })).toEqual([2, 1]);
      expect(await list({ projectId: 1, labels: ["b"] })).toEqual([2]);
      expect(await list({ hyperSearchId: 5 })).toEqual([3]);
      expect(await list({ workspaceIds: [3, 9] })).toEqual([1]);
      expect(await list({ workspaceIds: [], labels: [] })).toEqual([3, 2, 1]);
      expect(await list({ repository: "code4" })).toEqual([2]);
      expect(await list({ repository: "code%" })).toEqual([]);
      expect(await list({ labels: ["b", "z"] })).toEqual([2]);
      expect(await list({ labels: ["a", "b"] })).toEqual([2, 1]);
      expect(await list({ labels: ["z", 'a"'] })).toEqual([]);
      await change(store, 1, { projectId: null, labels: ["x"] });
      expect(await list({ projectId: 1 })).toEqual([2]);
      expect((await store.findRun(1))?.projectId).toBeUndefined();
      expect(await list({ labels: ["x"] })).toEqual([1]);
      await change(store, 2, { archivedAtMs: 77 });
      expect(await list({})).toEqual([3, 1]);
      expect(await store.findRun(2)).toMatchObject({ archivedAtMs: 77, projectId: 1 });
    });

    it("of a workflow gives its runs, the master included, to its owner only", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { workflow } = await store.createWorkflow({ labels: [], run: sampleMaster() }, "");
      await store.createRun(sampleRun(), "");
      await store.createRun(sampleRun({ workflowId: workflow.id }), "");
      await store.createRun(sampleRun({ workflowId: workflow.id }), "");
      const filter = { owner: "ann", workflowId: workflow.id };
      expect(ids(await store.listRuns({ ...filter, pageSize: 100 }))).toEqual([4, 3, 1]);
      expect(ids(await store.listRuns({ ...filter, pageSize: 1, beforeId: 4 }))).toEqual([3]);
      expect(await store.listRuns({ ...filter, owner: "bob", pageSize: 100 })).toEqual([]);
      expect(await store.listRuns({ ...filter, workflowId: 99, pageSize: 100 })).toEqual([]);
    });
  });

  describe("the queue and what agents hold", () => {
    it("follow a run through its life", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      expect(ids(await store.listQueued(10))).toEqual([1]);
      expect(await store.listHeld()).toEqual([]);
      await change(store, 1, assignment("a1"));
      expect(await store.listQueued(10)).toEqual([]);
      expect(await store.listHeld()).toEqual([await store.findRun(1)]);
      for (const status of ["running", "stopping", "saving", "pushing"] as const) {
        await change(store, 1, { status });
        expect(ids(await store.listHeld("a1"))).toEqual([1]);
      }
      await change(store, 1, ending());
      expect(await store.listHeld()).toEqual([]);
      expect(await store.listHeld("a1")).toEqual([]);
      expect(await store.listQueued(10)).toEqual([]);
    });

    it("a run that was cancelled while it waited is in neither", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await change(store, 1, ending("killed"));
      expect(await store.listQueued(10)).toEqual([]);
      expect(await store.listHeld()).toEqual([]);
    });

    it("the queue holds the first of each line, however long another line is", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const of = (machineType: string) => ({ spec: { ...sampleRun().spec, machineType } });
      for (const machineType of ["V100", "V100", "V100", "CPU", "V100", "CPU", "", "K80x2"]) {
        await store.createRun(sampleRun(of(machineType)), "");
      }
      await store.createRun(sampleRun({ ...of("V100"), runType: "workflow" }), "");
      expect(ids(await store.listQueued(1))).toEqual([1, 4, 7, 8, 9]);
      expect(ids(await store.listQueued(2))).toEqual([1, 2, 4, 6, 7, 8, 9]);
      await change(store, 1, assignment("a1"));
      expect(ids(await store.listQueued(1))).toEqual([2, 4, 7, 8, 9]);
      expect(await store.listQueued(0)).toEqual([]);
    });

    it("the queue is in order of id and as long as asked", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (let id = 1; id <= 5; id += 1) await store.createRun(sampleRun({ createdAtMs: 100 - id }), "");
      await change(store, 2, assignment("a1"));
      expect(ids(await store.listQueued(10))).toEqual([1, 3, 4, 5]);
      expect(ids(await store.listQueued(2))).toEqual([1, 3]);
    });

    it("what is held is told apart by agent", async () => {
      await using fixture = await open();
      const { store } = fixture;
      for (let id = 1; id <= 4; id += 1) await store.createRun(sampleRun(), "");
      await change(store, 3, assignment("a1"));
      await change(store, 1, assignment("a2"));
      await change(store, 2, assignment("a1"));
      expect(ids(await store.listHeld())).toEqual([1, 2, 3]);
      expect(ids(await store.listHeld("a1"))).toEqual([2, 3]);
      expect(ids(await store.listHeld("nobody"))).toEqual([]);
    });
  });
}
