/** What was answered is there after the store is opened again. */
import { describe, expect, it } from "vitest";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, digestFor, ending, sampleAgent, sampleMaster, sampleNotice, sampleRun } from "./samples.ts";

/** All that a store knows of what the test wrote. */
async function everything(store: RunStore): Promise<unknown> {
  const [a, b] = [digestFor("a"), digestFor("b")];
  return {
    user: await store.findUser("ann"),
    tokens: await Promise.all(["user", "join", "used", "agent"].map((hash) => store.findToken(hash))),
    agents: await store.listAgents(),
    runs: await store.listRuns({ owner: "ann", pageSize: 100 }),
    byKey: await store.findRunByClientKey("ann", "key"),
    workflow: await store.findWorkflow(1),
    queued: await store.listQueued(10),
    held: await store.listHeld(),
    logs: await Promise.all([1, 2, 3].map((id) => store.describeLog(id))),
    blobs: await store.findBlobs([a, b]),
    nodes: await store.findNodes([a, b]),
  };
}

export function describeReopening(open: OpenFixture): void {
  describe("opened again", () => {
    it("the record is the same, and numbers go on", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.ensureUser({ name: "ann", email: "ann@example.org", createdAtMs: 1 });
      await store.addToken("user", { kind: "user", userName: "ann" }, 1);
      await store.addToken("join", { kind: "join" }, 1);
      await store.addToken("used", { kind: "join" }, 1);
      await store.joinAgent("used", sampleAgent("a1"), "agent");
      const { run } = await store.createWorkflow({ labels: [{ label: "l", path: "p" }], run: sampleMaster() }, "key");
      const worker = await store.createRun(sampleRun({ workflowId: 1, notices: [sampleNotice("created")] }), "");
      await store.createRun(sampleRun(), "");
      const held = await store.updateRun(run.id, run.version, { ...assignment("a1"), notices: [sampleNotice("held")] });
      const killed = { ...ending("killed"), notices: [sampleNotice("killed")] };
      const ended = await store.updateRun(worker.run.id, worker.run.version, killed);
      await store.addLogSegment(run.id, { attempt: 1, firstNumber: 0, entries: 3, objectKey: "logs/1" });
      await store.addBlobs([
        { digest: digestFor("a"), objectKey: "packs/a", offset: 0, sizeBytes: 3, isNode: true },
        { digest: digestFor("b"), objectKey: "packs/a", offset: 3, sizeBytes: 4, isNode: false },
      ]);
      expect(held).toBeDefined();
      expect(ended).toBeDefined();
      const before = await everything(store);
      const reopened = await fixture.reopen();
      expect(await everything(reopened)).toEqual(before);
      expect((await reopened.createWorkflow({ labels: [], run: sampleMaster() }, "key")).existed).toBe(true);
      expect((await reopened.createRun(sampleRun(), "")).run.id).toBe(4);
    });

    it("a write that nobody waited for before the close is kept", async () => {
      await using fixture = await open();
      const writing = fixture.store.createRun(sampleRun(), "key");
      const reopened = await fixture.reopen();
      const { run } = await writing;
      expect(await reopened.findRun(run.id)).toEqual(run);
    });

    it("closed, it says that it is unavailable", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.createRun(sampleRun(), "");
      await store.close();
      await store.close();
      const closed = { name: "SpellError", code: "unavailable" };
      await expect(store.findRun(1)).rejects.toMatchObject(closed);
      await expect(store.createRun(sampleRun(), "")).rejects.toMatchObject(closed);
      await expect(store.listQueued(1)).rejects.toMatchObject(closed);
    });
  });
}
