/** Numbers, idempotency and workflows. */
import { describe, expect, it } from "vitest";
import type { OpenFixture } from "./samples.ts";
import { assignment, sampleMaster, sampleNotice, sampleRun, sampleSpec } from "./samples.ts";

export function describeCreatingRuns(open: OpenFixture): void {
  describe("creating a run", () => {
    it("numbers from 1 and queues it with all that was asked", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { run, existed } = await store.createRun(sampleRun(), "key");
      expect(existed).toBe(false);
      expect(run).toEqual({
        id: 1,
        owner: "ann",
        runType: "user",
        spec: sampleSpec(),
        status: "machine_requested",
        passed: ["machine_requested"],
        reasonCode: "",
        reason: "",
        labels: ["a", "b c"],
        createdAtMs: 1_700_000_000_123,
        attempt: 0,
        slots: [],
        version: expect.any(Number),
      });
      expect(await store.findRun(1)).toEqual(run);
      expect((await store.createRun(sampleRun({ owner: "bob" }), "key2")).run.id).toBe(2);
    });

    it.each([0, -1, 2, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 63, 2 ** 70])(
      "knows no run %d",
      async (id) => {
        await using fixture = await open();
        await fixture.store.createRun(sampleRun(), "");
        expect(await fixture.store.findRun(id)).toBeUndefined();
        expect(await fixture.store.findWorkflow(id)).toBeUndefined();
      },
    );

    it("gives many at once consecutive numbers", async () => {
      await using fixture = await open();
      const made = await Promise.all(
        Array.from({ length: 50 }, (_, index) => fixture.store.createRun(sampleRun(), `k${index}`)),
      );
      const ids = made.map(({ run }) => run.id).sort((left, right) => left - right);
      expect(ids).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    });

    it("makes one run per client key, also when all come at once", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const made = await Promise.all(
        Array.from({ length: 10 }, (_, index) => store.createRun(sampleRun({ createdAtMs: index }), "same")),
      );
      expect(new Set(made.map(({ run }) => run.id)).size).toBe(1);
      expect(made.filter(({ existed }) => !existed)).toHaveLength(1);
      expect(await store.listRuns({ owner: "ann", pageSize: 100 })).toHaveLength(1);
      expect(await store.findRunByClientKey("ann", "same")).toEqual(made[0]?.run);
    });

    it("answers a known key with the run as it is now, without new notices", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { run } = await store.createRun(sampleRun({ notices: [sampleNotice("first")] }), "key");
      const changed = await store.updateRun(run.id, run.version, assignment("a1"));
      const again = await store.createRun(sampleRun({ notices: [sampleNotice("second")] }), "key");
      expect(again).toEqual({ run: changed, existed: true, reused: false });
      expect((await store.describeLog(run.id))?.before).toEqual([sampleNotice("first")]);
    });

    it("keeps the keys of owners apart, and an empty key is none", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const ann = await store.createRun(sampleRun(), "key");
      const bob = await store.createRun(sampleRun({ owner: "bob" }), "key");
      expect([ann.existed, bob.existed]).toEqual([false, false]);
      expect((await store.findRunByClientKey("bob", "key"))?.id).toBe(bob.run.id);
      expect(await store.findRunByClientKey("cyd", "key")).toBeUndefined();
      const unnamed = [await store.createRun(sampleRun(), ""), await store.createRun(sampleRun(), "")];
      expect(unnamed.map(({ existed }) => existed)).toEqual([false, false]);
      expect(await store.findRunByClientKey("ann", "")).toBeUndefined();
    });
  });

  describe("creating a workflow", () => {
    const labels = [{ label: "char-rnn", path: "repo/char-rnn" }];

    it("makes it together with its master run, each with numbers of its own", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await store.createRun(sampleRun(), "");
      const { workflow, run, existed } = await store.createWorkflow({ labels, run: sampleMaster() }, "key");
      expect(existed).toBe(false);
      expect(workflow).toEqual({ id: 1, owner: "ann", managingRunId: 3, labels, createdAtMs: 1_700_000_000_123 });
      expect(run).toMatchObject({ id: 3, runType: "workflow", workflowId: 1, status: "machine_requested" });
      expect(await store.findWorkflow(1)).toEqual(workflow);
      expect(await store.findWorkflow(3)).toBeUndefined();
      expect(await store.findRun(3)).toEqual(run);
    });

    it("makes one per client key, also when all come at once", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const made = await Promise.all(
        Array.from({ length: 8 }, () => store.createWorkflow({ labels, run: sampleMaster() }, "same")),
      );
      expect(made.filter(({ existed }) => !existed)).toHaveLength(1);
      expect(new Set(made.map(({ workflow, run }) => `${workflow.id}/${run.id}`))).toEqual(new Set(["1/1"]));
      const other = await store.createWorkflow({ labels, run: sampleMaster({ owner: "bob" }) }, "same");
      expect(other).toMatchObject({ existed: false, workflow: { id: 2, owner: "bob" }, run: { id: 2 } });
    });

    it("refuses a client key that made something else, and makes nothing", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { workflow } = await store.createWorkflow({ labels, run: sampleMaster() }, "workflow-key");
      await store.createRun(sampleRun(), "run-key");
      await store.createRun(sampleRun({ workflowId: workflow.id }), "worker-key");
      const refused = { name: "SpellError", code: "conflict", reason: "client-key-used" };
      for (const key of ["run-key", "worker-key"]) {
        await expect(store.createWorkflow({ labels, run: sampleMaster() }, key)).rejects.toMatchObject(refused);
      }
      await expect(store.createRun(sampleRun(), "workflow-key")).rejects.toMatchObject(refused);
      expect(await store.listRuns({ owner: "ann", pageSize: 100 })).toHaveLength(3);
      expect(await store.findWorkflow(2)).toBeUndefined();
    });
  });
}
