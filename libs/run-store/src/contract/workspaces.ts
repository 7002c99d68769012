/** Workspaces, and what their commits became. */
import { describe, expect, it } from "vitest";
import { workspaceRepository } from "../workspaces.ts";
import type { OpenFixture } from "./samples.ts";
import { digestFor, sampleMaster, sampleRun } from "./samples.ts";

const TREE = digestFor("a tree");
const OTHER = digestFor("another tree");

const repository = (over: Partial<{ owner: string; rootCommit: string; name: string; nowMs: number }> = {}) => {
  return { owner: "ann", rootCommit: "c0ffee", name: "code", description: "", nowMs: 5, ...over };
};

export function describeWorkspaces(open: OpenFixture): void {
  describe("workspaces", () => {
    it("are one per owner and first commit; another name is a new name", async () => {
      await using fixture = await open();
      const { workspaces } = fixture.store;
      const first = await workspaces.upsert({ ...repository(), description: "mine" });
      const { nowMs: _, ...recorded } = repository();
      expect(first).toEqual({ ...recorded, description: "mine", id: first.id, createdAtMs: 5, updatedAtMs: 5 });
      const renamed = await workspaces.upsert(repository({ name: "o'code", nowMs: 7 }));
      expect(renamed).toEqual({ ...first, name: "o'code", updatedAtMs: 7 });
      const bobs = await workspaces.upsert(repository({ owner: "bob" }));
      const second = await workspaces.upsert(repository({ rootCommit: "beef" }));
      expect(new Set([first.id, bobs.id, second.id]).size).toBe(3);
      expect(await workspaces.find(first.id)).toEqual(renamed);
      expect(await workspaces.list({ owner: "ann" })).toEqual([renamed, second]);
      expect(await workspaces.list({ owner: "ann", name: "code" })).toEqual([second]);
      expect(await workspaces.list({ owner: "ann", name: "" })).toEqual([]);
      expect(await workspaces.list({ owner: "" })).toEqual([]);
    });

    it("are one also when many make it at the same moment", async () => {
      await using fixture = await open();
      const { workspaces } = fixture.store;
      const made = await Promise.all(Array.from({ length: 20 }, () => workspaces.upsert(repository())));
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    });

    it("go with what is known of their commits, and their number is not given again", async () => {
      await using fixture = await open();
      const { workspaces } = fixture.store;
      const { id } = await workspaces.upsert(repository());
      await workspaces.addCommitTree(workspaceRepository(id), "c1", { tree: TREE, leftOut: [] });
      await workspaces.addCommitTree("url/x", "c1", { tree: OTHER, leftOut: [] });
      expect(await workspaces.remove(id)).toBe(true);
      expect(await workspaces.remove(id)).toBe(false);
      expect(await workspaces.find(id)).toBeUndefined();
      expect(await workspaces.findCommitTree(workspaceRepository(id), "c1")).toBeUndefined();
      expect(await workspaces.findCommitTree("url/x", "c1")).toEqual({ tree: OTHER, leftOut: [] });
      expect((await workspaces.upsert(repository())).id).toBeGreaterThan(id);
    });

    it("are not found by what is no number of one", async () => {
      await using fixture = await open();
      for (const id of [0, -1, 1.5, Number.NaN, 2 ** 60, Infinity]) {
        expect(await fixture.store.workspaces.find(id)).toBeUndefined();
      }
    });

    it("keep the first tree of a commit, also over a restart", async () => {
      await using fixture = await open();
      const leftOut = ["The link 'a' leaves the repository.", "ü\n"];
      await fixture.store.workspaces.addCommitTree("url/x", "c1", { tree: TREE, leftOut });
      await fixture.store.workspaces.addCommitTree("url/x", "c1", { tree: OTHER, leftOut: [] });
      const { workspaces } = await fixture.reopen();
      expect(await workspaces.findCommitTree("url/x", "c1")).toEqual({ tree: TREE, leftOut });
      expect(await workspaces.findCommitTree("url/x", "c2")).toBeUndefined();
      expect(await workspaces.findCommitTree("url/y", "c1")).toBeUndefined();
    });
  });

  describe("a workflow without a master run", () => {
    const code = { tree: TREE, root: "code", commit: "c1", workspaceId: 3 };
    const local = { owner: "ann", labels: [{ label: "a", path: "", code }], createdAtMs: 5 };
    const refused = { name: "SpellError", code: "conflict", reason: "client-key-used" };

    it("is made once per client key, which is good for nothing else then", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const made = await Promise.all(Array.from({ length: 8 }, () => store.createLocalWorkflow(local, "key")));
      expect(made.filter(({ existed }) => !existed)).toHaveLength(1);
      const { workflow } = await store.createLocalWorkflow(local, "key");
      expect(workflow).toEqual({ id: 1, ...local });
      expect(await store.findWorkflow(1)).toEqual(workflow);
      await expect(store.createRun(sampleRun(), "key")).rejects.toMatchObject(refused);
      await expect(store.createWorkflow({ labels: [], run: sampleMaster() }, "key")).rejects.toMatchObject(refused);
      await store.createRun(sampleRun(), "run");
      await expect(store.createLocalWorkflow(local, "run")).rejects.toMatchObject(refused);
      expect((await store.createLocalWorkflow({ ...local, owner: "bob" }, "key")).workflow.id).toBe(2);
      expect((await store.createLocalWorkflow(local, "")).workflow.id).toBe(3);
      expect((await store.createLocalWorkflow(local, "")).workflow.id).toBe(4);
    });

    it("is archived once, also over a restart", async () => {
      await using fixture = await open();
      const { workflow } = await fixture.store.createLocalWorkflow(local, "");
      await fixture.store.archiveWorkflow(workflow.id, 7);
      await fixture.store.archiveWorkflow(workflow.id, 8);
      await fixture.store.archiveWorkflow(99, 8);
      const store = await fixture.reopen();
      expect(await store.findWorkflow(workflow.id)).toEqual({ ...workflow, archivedAtMs: 7 });
      expect(await store.findWorkflow(99)).toBeUndefined();
    });
  });
}
