/** A workflow that was stopped, killed or archived takes no more runs: decided in the write that would add one. */
import { describe, expect, it } from "vitest";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { ending, sampleMaster, sampleRun } from "./samples.ts";

const REFUSED = { name: "SpellError", code: "conflict", reason: "workflow-ended" };

async function workflowIn(store: RunStore): Promise<number> {
  return (await store.createWorkflow({ labels: [], run: sampleMaster() }, "")).workflow.id;
}

function searchIn(workflowId: number) {
  const parameters = [{ name: "lr", values: [1, 2] }];
  const template = sampleRun({ workflowId });
  return { owner: "ann", spec: { kind: "grid", parameters }, template, seed: 1, createdAtMs: 5 } as const;
}

export function describeEndingWorkflows(open: OpenFixture): void {
  describe("a workflow that is to end", () => {
    it("remembers who asked for what: the first, unless a kill follows a stop", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const id = await workflowIn(store);
      expect(await store.requestWorkflow(id, "stop", "ann")).toMatchObject({
        id,
        requested: "stop",
        requestedBy: "ann",
      });
      expect(await store.requestWorkflow(id, "stop", "bob")).toMatchObject({ requestedBy: "ann" });
      expect(await store.requestWorkflow(id, "kill", "cyd")).toMatchObject({ requested: "kill", requestedBy: "cyd" });
      expect(await store.requestWorkflow(id, "stop", "ann")).toMatchObject({ requested: "kill", requestedBy: "cyd" });
      expect(await store.requestWorkflow(99, "kill", "ann")).toBeUndefined();
      expect(await (await fixture.reopen()).findWorkflow(id)).toMatchObject({ requested: "kill", requestedBy: "cyd" });
    });

    it("takes every run that was made before, and none after, however many come at once", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const workflowId = await workflowIn(store);
      const creations: Promise<PromiseSettledResult<unknown>[]>[] = [];
      const create = (key: string): void => {
        creations.push(Promise.allSettled([store.createRun(sampleRun({ workflowId }), key)]));
      };
      for (let number = 0; number < 20; number += 1) create(`before ${number}`);
      const asked = store.requestWorkflow(workflowId, "kill", "ann");
      for (let number = 0; number < 20; number += 1) create(`after ${number}`);
      await asked;
      // What stands here is all that there will ever be: whoever asked ends these.
      const seen = await store.listRuns({ owner: "ann", workflowId, pageSize: 100 });
      for (let number = 0; number < 5; number += 1) create(`late ${number}`);
      const outcomes = (await Promise.all(creations)).flat();
      const made = outcomes.filter(({ status }) => status === "fulfilled");
      expect(seen).toHaveLength(made.length + 1);
      expect(await store.listRuns({ owner: "ann", workflowId, pageSize: 100 })).toEqual(seen);
      const refusals = outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [outcome.reason as unknown] : [],
      );
      expect(refusals.length).toBeGreaterThanOrEqual(5);
      for (const refusal of refusals) expect(refusal).toMatchObject(REFUSED);
      expect(refusals[0]).toMatchObject({
        message: expect.stringMatching(/was killed by ann.*Make a new workflow\.$/),
      });
    });

    it("still answers a client key with the run that it made", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const workflowId = await workflowIn(store);
      const { run } = await store.createRun(sampleRun({ workflowId }), "key");
      await store.requestWorkflow(workflowId, "stop", "ann");
      expect(await store.createRun(sampleRun({ workflowId }), "key")).toEqual({ run, existed: true, reused: false });
    });

    it("takes no searches and no runs of searches", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const [workflowId, other] = [await workflowIn(store), await workflowIn(store)];
      const { search } = await store.hyper.create(searchIn(workflowId), [sampleRun({ workflowId })], "");
      await store.requestWorkflow(workflowId, "kill", "ann");
      await expect(store.hyper.addRun(search.id, 1, sampleRun({ workflowId }))).rejects.toMatchObject(REFUSED);
      await expect(store.hyper.create(searchIn(workflowId), [], "")).rejects.toMatchObject(REFUSED);
      const half = store.hyper.create(searchIn(workflowId), [sampleRun(), sampleRun({ workflowId })], "");
      await expect(half).rejects.toMatchObject(REFUSED);
      expect(await store.hyper.listOpen()).toEqual([search.id]);
      expect((await store.hyper.create(searchIn(other), [sampleRun({ workflowId: other })], "")).runs).toHaveLength(1);
    });

    it("is listed until all its runs have ended or been told", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const workflowId = await workflowIn(store);
      await workflowIn(store);
      const { run: worker } = await store.createRun(sampleRun({ workflowId }), "");
      const listed = async (): Promise<number[]> => (await store.listWorkflowsToEnd()).map(({ id }) => id);
      expect(await listed()).toEqual([]);
      await store.requestWorkflow(workflowId, "stop", "ann");
      expect(await listed()).toEqual([workflowId]);
      const [master] = await store.listQueued(1);
      if (master === undefined) throw new Error("no master");
      await store.updateRun(master.id, master.version, ending());
      expect(await listed()).toEqual([workflowId]);
      const told = await store.updateRun(worker.id, worker.version, { requested: "stop", requestedBy: "ann" });
      expect(await listed()).toEqual([]);
      await store.requestWorkflow(workflowId, "kill", "ann");
      expect(await listed()).toEqual([workflowId]);
      await store.updateRun(worker.id, told?.version ?? 0, ending());
      expect(await listed()).toEqual([]);
    });

    it("is archived once all its runs have ended, and takes none from then on", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const workflowId = await workflowIn(store);
      expect(await store.archiveWorkflow(workflowId, 7)).toBe(false);
      const [master] = await store.listQueued(1);
      if (master === undefined) throw new Error("no master");
      await store.updateRun(master.id, master.version, ending());
      expect(await store.archiveWorkflow(workflowId, 7)).toBe(true);
      expect(await store.archiveWorkflow(workflowId, 8)).toBe(true);
      expect(await store.findWorkflow(workflowId)).toMatchObject({ archivedAtMs: 7 });
      await expect(store.createRun(sampleRun({ workflowId }), "")).rejects.toMatchObject(REFUSED);
    });
  });
}
