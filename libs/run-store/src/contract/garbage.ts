/** Collecting garbage: what is written and names a tree is checked, marked while somebody watches, and never condemned. */
import type { Digest } from "@spell/domain";
import { describe, expect, it } from "vitest";
import { REFERENCE_SOURCES } from "../garbage.ts";
import { Marks } from "../marks.ts";
import type { NewBlob } from "../records.ts";
import type { RunStore } from "../run-store.ts";
import type { OpenFixture } from "./samples.ts";
import { assignment, digestFor, ending, sampleMaster, sampleRun, sampleSpec, sampleTrees } from "./samples.ts";

const RESULT = { deadBlobs: 1, deadBytes: 2, deletedObjects: 3, deletedBytes: 4 };

const blob = (name: string, over: Partial<NewBlob> = {}): NewBlob => ({
  ...{ digest: digestFor(name), objectKey: `packs/${name}`, offset: 0, sizeBytes: 10, isNode: true },
  ...over,
});

const bare = (over: object = {}) => sampleRun({ spec: sampleSpec({ codeTree: "", mounts: [], ...over }) });

/** Everything but these is dead; where it is condemned. */
export async function condemn(
  store: RunStore,
  alive: readonly string[],
  meanwhile?: () => Promise<unknown>,
): Promise<boolean> {
  const { garbage } = store;
  const collection = await garbage.beginCollection(1_000);
  const marks = new Marks(await garbage.lastBlobId());
  await garbage.watch(marks);
  await garbage.mark(
    marks,
    alive.map((name) => ({ digest: digestFor(name), asNode: false })),
  );
  marks.watchLate();
  await garbage.noteDead(collection, { marks, afterId: 0, limit: 1_000 });
  await meanwhile?.();
  const done = await garbage.condemn(collection, marks, 2_000);
  await garbage.watch(undefined);
  return done;
}

async function known(store: RunStore, ...names: string[]): Promise<string[]> {
  const found = new Set((await store.findBlobs(names.map(digestFor))).map(({ digest }) => digest));
  return names.filter((name) => found.has(digestFor(name)));
}

async function references(store: RunStore, committedSinceMs = 0): Promise<Record<string, Digest[]>> {
  const found: Record<string, Digest[]> = {};
  for (const source of REFERENCE_SOURCES) {
    for (let after: string | undefined, more = true; more;) {
      const page = await store.garbage.listReferences(source, { after, limit: 1, committedSinceMs });
      for (const each of page.references) (found[`${each.source} ${each.owner}/${each.name}`] ??= []).push(each.digest);
      after = page.next;
      more = after !== undefined;
    }
  }
  return found;
}

export function describeGarbage(open: OpenFixture): void {
  describe("references", () => {
    it("of every kind are listed, page by page", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const [code, save, tree] = ["code", "save", "tree"].map(digestFor) as [Digest, Digest, Digest];
      const at = { root: tree, uses: [], atMs: 5_000 };
      await store.addBlobs([], at);
      await store.addBlobs([], { ...at, root: save, heldBy: { runId: 1, attempt: 1 }, atMs: 4_000 });
      const { run } = await store.createRun(sampleRun({ projectId: 3 }), "");
      await store.updateRun(run.id, run.version, assignment("a1"));
      await store.createWorkflow(
        {
          labels: [{ label: "l", path: "p", code: { tree, root: "r", commit: "" } }],
          run: { ...sampleMaster(), spec: bare().spec },
        },
        "",
      );
      await store.createRun(bare(), "");
      const search = { kind: "random" as const, parameters: [], numRuns: 1 };
      const request = { owner: "bob", spec: search, template: sampleRun(), seed: 1, createdAtMs: 1 };
      await store.hyper.create(request, [], "");
      await store.uploads.addUpload({ owner: "ann", name: "data", tree, fileCount: 1, sizeBytes: 1 }, 1);
      await store.uploads.beginUpload({ owner: "ann", name: "begun", compressed: false }, 1);
      const { id } = await store.workspaces.upsert({
        owner: "bob",
        rootCommit: "c",
        name: "w",
        description: "",
        nowMs: 1,
      });
      await store.workspaces.addCommitTree(`workspace/${id}`, "c1", { tree, leftOut: [] });
      await store.workspaces.addCommitTree("url/x", "c1", { tree: code, leftOut: [] });
      expect(await references(store, 4_500)).toEqual({
        "held ann/1": [save],
        "recent /": [tree],
        "run-code ann/1": [code],
        "run-mount ann/1": [save],
        "workflows ann/1": [tree],
        "searches bob/1": [code, save],
        "uploads ann/data": [tree],
        [`commits bob/workspace/${id}`]: [tree],
        "commits /url/x": [code],
      });
      const held = (await store.findRun(1))?.version ?? 0;
      await store.updateRun(1, held, { ...ending(), outputTree: tree });
      const after = await references(store, 9_999);
      expect(after["held ann/1"]).toBeUndefined();
      expect(after["recent /"]).toBeUndefined();
      expect(after["run-output ann/1"]).toEqual([tree]);
      await store.garbage.releaseHeld();
    });

    it("to what is not there are refused, and nothing is written", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const gone = digestFor("nowhere");
      await store.addBlobs([blob("file", { isNode: false })]);
      const refusal = { code: "invalid-input", reason: "no-such-tree" };
      await expect(store.createRun(bare({ codeTree: gone }), "")).rejects.toMatchObject(refusal);
      await expect(store.createRun(bare({ codeTree: digestFor("file") }), "")).rejects.toMatchObject(refusal);
      const [mount] = sampleSpec().mounts;
      for (const [digest, isFile, works] of [
        [gone, false, false],
        [gone, true, false],
        [digestFor("file"), false, false],
        [digestFor("file"), true, true],
      ] as const) {
        const creating = store.createRun(bare({ mounts: [{ ...mount, digest, isFile }] }), "");
        if (works) await creating;
        else await expect(creating).rejects.toMatchObject(refusal);
      }
      const contents = { tree: gone, fileCount: 1, sizeBytes: 1 };
      const { id } = await store.uploads.beginUpload({ owner: "ann", name: "a", compressed: false }, 1);
      await expect(store.uploads.completeUpload(id, contents, 1)).rejects.toMatchObject(refusal);
      await expect(store.uploads.addUpload({ owner: "ann", name: "b", ...contents }, 1)).rejects.toMatchObject(refusal);
      const commit = { tree: gone, leftOut: [] };
      await expect(store.workspaces.addCommitTree("url/x", "c", commit)).rejects.toMatchObject(refusal);
      const labels = [{ label: "l", path: "", code: { tree: gone, root: "r", commit: "" } }];
      const local = store.createLocalWorkflow({ owner: "ann", labels, createdAtMs: 1 }, "");
      await expect(local).rejects.toMatchObject(refusal);
      const uses = [gone];
      const committing = store.addBlobs([blob("new")], { root: digestFor("new"), uses, atMs: 1 });
      await expect(committing).rejects.toMatchObject({ code: "invalid-input", reason: "missing-blob" });
      expect(await known(store, "new")).toEqual([]);
      expect(await references(store)).toMatchObject({ "run-mount ann/1": [digestFor("file")] });
      expect((await store.uploads.findUpload("ann", "a"))?.tree).toBeUndefined();
    });
  });

  describe("a collection", () => {
    it("hides what it condemns at one moment, for good, and deletes it in parts", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("a"), blob("b"), blob("c", { isNode: false })]);
      const samples = ["code", "save", "tree", "a tree", "another tree"];
      expect(
        await condemn(store, [...samples, "a"], async () => {
          expect(await known(store, "a", "b", "c")).toEqual(["a", "b", "c"]);
        }),
      ).toBe(true);
      expect(await known(store, "a", "b", "c")).toEqual(["a"]);
      const reopened = await fixture.reopen();
      expect(await known(reopened, "a", "b", "c")).toEqual(["a"]);
      await expect(reopened.garbage.beginCollection(1)).rejects.toMatchObject({ reason: "collection-incomplete" });
      // Sent anew, it is there, where it lies now.
      await reopened.addBlobs([blob("b", { objectKey: "packs/elsewhere" })]);
      expect(await reopened.findBlobs([digestFor("b")])).toMatchObject([{ objectKey: "packs/elsewhere" }]);
      expect(await reopened.garbage.deleteCondemned(1)).toEqual({ blobs: 1, bytes: 10 });
      expect(await reopened.garbage.deleteCondemned(1)).toEqual({ blobs: 0, bytes: 0 });
      expect(await known(reopened, "a", "b", "c")).toEqual(["a", "b"]);
      await reopened.garbage.endCollection(1, RESULT, 3_000);
      expect(await reopened.garbage.lastCollection()).toEqual({
        ...{ number: 1, startedAtMs: 1_000, condemnedAtMs: 2_000, endedAtMs: 3_000, result: RESULT },
      });
      expect(await reopened.garbage.beginCollection(9)).toBe(2);
    });

    it("that ended before it condemned has done nothing, whatever a later one does", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { garbage } = store;
      const collection = await garbage.beginCollection(1);
      const marks = new Marks(await garbage.lastBlobId());
      await garbage.noteDead(collection, { marks, afterId: 0, limit: 1_000 });
      const reopened = await fixture.reopen();
      expect(await known(reopened, "code", "save")).toEqual(["code", "save"]);
      expect(await condemn(reopened, ["code"])).toBe(true);
      expect(await known(reopened, "code", "save")).toEqual(["code"]);
    });

    it.each<[string, (store: RunStore) => Promise<unknown>]>([
      ["a run's code", (store) => store.createRun(bare({ codeTree: digestFor("code") }), "")],
      ["a mount", (store) => store.createRun(bare({ mounts: sampleSpec().mounts }), "")],
      [
        "an output",
        async (store) => {
          const { run } = await store.createRun(bare(), "");
          await store.updateRun(run.id, run.version, { ...ending(), outputTree: digestFor("code") });
        },
      ],
      [
        "an upload",
        (store) =>
          store.uploads.addUpload({ owner: "a", name: "b", tree: digestFor("tree"), fileCount: 1, sizeBytes: 1 }, 1),
      ],
      ["a commit", (store) => store.workspaces.addCommitTree("url/x", "c", { tree: digestFor("tree"), leftOut: [] })],
      [
        "a label",
        (store) => {
          const code = { tree: digestFor("tree"), root: "r", commit: "" };
          return store.createLocalWorkflow(
            { owner: "a", labels: [{ label: "l", path: "", code }], createdAtMs: 1 },
            "",
          );
        },
      ],
      [
        "a tree that uses it",
        (store) => store.addBlobs([blob("n")], { root: digestFor("n"), uses: [digestFor("code")], atMs: 1 }),
      ],
      ["the same blob once more", (store) => store.addBlobs([blob("code")])],
      ["somebody who asks for it", (store) => store.renewTrees([digestFor("code")], 1_000_000)],
    ])("does not condemn before what %s names, meanwhile, is looked at", async (_name, meanwhile) => {
      await using fixture = await open();
      const { store } = fixture;
      expect(await condemn(store, [], () => meanwhile(store))).toBe(false);
      expect(await known(store, "code", "save", "tree")).toEqual(["code", "save", "tree"]);
    });

    it("goes on once that was looked at, and spares it", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { garbage } = store;
      await store.addBlobs([blob("dead")]);
      const collection = await garbage.beginCollection(1);
      const marks = new Marks(await garbage.lastBlobId());
      await garbage.watch(marks);
      marks.watchLate();
      expect(await garbage.noteDead(collection, { marks, afterId: 0, limit: 2 })).toEqual({
        lastId: 2,
        blobs: 2,
        bytes: 20,
      });
      await garbage.noteDead(collection, { marks, afterId: 2, limit: 1_000 });
      await store.createRun(bare({ codeTree: digestFor("code") }), "");
      await store.addBlobs([blob("new")], { root: digestFor("new"), uses: [digestFor("code")], atMs: 1 });
      const [id] = marks.take(10);
      expect(await garbage.findById([id ?? 0])).toMatchObject([{ digest: digestFor("code"), isNode: true, id }]);
      expect(await garbage.condemn(collection, marks, 2)).toBe(false);
      expect(
        await garbage.mark(marks, [
          { digest: digestFor("save"), asNode: false },
          { digest: digestFor("absent"), asNode: true },
        ]),
      ).toEqual([digestFor("absent")]);
      marks.walked(1);
      expect(await garbage.condemn(collection, marks, 2)).toBe(true);
      expect(await known(store, "code", "save", "dead", "new", "tree")).toEqual(["code", "save", "new"]);
      await expect(store.createRun(bare({ codeTree: digestFor("tree") }), "")).rejects.toMatchObject({
        reason: "no-such-tree",
      });
      expect(await store.renewTrees([digestFor("tree")], 1)).toBe(false);
      expect(await store.renewTrees([digestFor("code"), digestFor("tree")], 1_000_000)).toBe(false);
      expect(await known(store, "tree")).toEqual([]);
    });
  });

  describe("objects", () => {
    it("are doomed only while no blob lies in them, and take none from then on", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const { garbage } = store;
      await store.addBlobs([blob("a"), blob("b", { objectKey: "packs/a", offset: 10 })]);
      expect(await garbage.doom(["packs/a", "packs/x", "packs/y"], 5)).toEqual(["packs/x", "packs/y"]);
      const reopened = await fixture.reopen();
      const into = (key: string) => reopened.addBlobs([blob("new"), blob("other", { objectKey: key })]);
      await expect(into("packs/x")).rejects.toMatchObject({ code: "invalid-input", reason: "missing-object" });
      expect(await known(reopened, "new")).toEqual([]);
      expect(await reopened.garbage.listDoomed({ after: "packs/x", limit: 9 })).toEqual([
        { objectKey: "packs/y", doomedAtMs: 5 },
      ]);
      await reopened.garbage.forgetDoomed(["packs/x"]);
      await into("packs/x");
      const samples = sampleTrees().length;
      const uses = await reopened.garbage.listObjectUses({ after: "", limit: 99 });
      expect(uses).toHaveLength(samples + 3);
      expect(uses.find(({ objectKey }) => objectKey === "packs/a")).toEqual({
        objectKey: "packs/a",
        blobs: 2,
        blobBytes: 20,
        endBytes: 20,
      });
      expect((await reopened.garbage.listObjectBlobs("packs/a")).map(({ digest }) => digest)).toEqual([
        digestFor("a"),
        digestFor("b"),
      ]);
      expect(await reopened.garbage.listBlobs({ afterId: samples + 1, limit: 1 })).toMatchObject([
        { digest: digestFor("b") },
      ]);
    });
  });

  describe("moving blobs", () => {
    const at = (objectKey: string, offset = 0) => ({ objectKey, offset });

    it("gives those a new place that are still where they were, whole and for good", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("a"), blob("b"), blob("c", { isNode: false })]);
      const moves = [
        { digest: digestFor("a"), from: at("packs/a"), to: at("packs/new") },
        { digest: digestFor("b"), from: at("packs/a"), to: at("packs/new", 10) },
        { digest: digestFor("b"), from: at("packs/b", 1), to: at("packs/new", 10) },
        { digest: digestFor("c"), from: at("packs/c"), to: at("packs/new", 20) },
        { digest: digestFor("absent"), from: at("packs/absent"), to: at("packs/new", 30) },
      ];
      const packs = [{ objectKey: "packs/new", blobs: 3 }];
      const before = await store.garbage.findByDigest([digestFor("a"), digestFor("c")]);
      expect(await store.garbage.moveBlobs(moves, packs)).toEqual([digestFor("a"), digestFor("c")]);
      const reopened = await fixture.reopen();
      expect(await reopened.garbage.moveBlobs(moves, packs)).toEqual([]);
      expect(await reopened.garbage.findByDigest([digestFor("a"), digestFor("c")])).toEqual(
        before.map((each, index) => ({ ...each, objectKey: "packs/new", offset: index * 20 })),
      );
      expect(await reopened.findBlobs([digestFor("b")])).toMatchObject([{ objectKey: "packs/b" }]);
      expect(await reopened.garbage.doom(["packs/a", "packs/b"], 1)).toEqual(["packs/a"]);
      const uses = await reopened.garbage.listObjectUses({ after: "packs/n", limit: 1 });
      expect(uses).toMatchObject([{ objectKey: "packs/new", blobs: 2, listedBlobs: 3 }]);
    });

    it("makes a file known to all, and leaves a node to what lies below it", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const claim = { claimedBy: "ann" };
      const uses: Digest[] = [];
      const tree = { root: digestFor("a"), uses, atMs: 1, userName: "ann" };
      await store.addBlobs([blob("c", { isNode: false, ...claim }), blob("a", claim)], tree);
      const moves = ["a", "c"].map((name) => {
        return { digest: digestFor(name), from: at(`packs/${name}`), to: at("packs/new") };
      });
      await store.garbage.moveBlobs(moves, []);
      const [node, file] = await store.findBlobs(["a", "c"].map(digestFor));
      expect(node).toMatchObject({ objectKey: "packs/new", claimedBy: "ann" });
      expect(file).toMatchObject({ objectKey: "packs/new" });
      expect(file?.claimedBy).toBeUndefined();
    });

    it("moves nothing into an object that is being deleted, and nothing that is condemned", async () => {
      await using fixture = await open();
      const { store } = fixture;
      await store.addBlobs([blob("a"), blob("b")]);
      await store.garbage.doom(["packs/gone"], 1);
      const move = (name: string, key: string) => ({
        digest: digestFor(name),
        ...{ from: at(`packs/${name}`), to: at(key) },
      });
      const moving = store.garbage.moveBlobs([move("a", "packs/new"), move("b", "packs/gone")], []);
      await expect(moving).rejects.toMatchObject({ code: "invalid-input", reason: "missing-object" });
      expect(await store.findBlobs([digestFor("a")])).toMatchObject([{ objectKey: "packs/a" }]);
      expect(await condemn(store, ["a"], () => store.garbage.moveBlobs([move("b", "packs/new")], []))).toBe(true);
      expect(await store.garbage.moveBlobs([move("a", "packs/new"), move("b", "packs/new")], [])).toEqual([
        digestFor("a"),
      ]);
      expect(await known(store, "a", "b")).toEqual(["a"]);
    });
  });

  describe("outputs of archived runs", () => {
    it("are dropped when they were archived long enough ago and nothing leads to them", async () => {
      await using fixture = await open();
      const { store } = fixture;
      const outputTree = digestFor("tree");
      const add = async (archivedAtMs: number | undefined): Promise<number> => {
        const { run } = await store.createRun(bare(), "");
        await store.updateRun(run.id, run.version, { ...ending(), outputTree, archivedAtMs });
        return run.id;
      };
      const [old, kept, young, linked, below, named] = await Promise.all([5, undefined, 15, 5, 5, 5].map(add));
      const link = (alias: string, id: number | undefined, path = "") =>
        store.links.addLink({ owner: "ann", alias, resourcePath: `runs/${id}${path}`, createdAtMs: 1 });
      await link("l", linked);
      await link("m", below, "/save");
      await store.models.addVersion({
        ...{
          owner: "ann",
          name: "m",
          version: "",
          resource: `runs/${named}/save`,
          files: [],
          description: "",
          createdAtMs: 1,
        },
      });
      // Somebody else's link keeps nothing.
      await store.links.addLink({ owner: "bob", alias: "x", resourcePath: `runs/${old}`, createdAtMs: 1 });
      expect(await store.garbage.dropOutputs({ archivedBeforeMs: 10, nowMs: 99, limit: 9 })).toBe(1);
      expect(await store.garbage.dropOutputs({ archivedBeforeMs: 10, nowMs: 99, limit: 9 })).toBe(0);
      const dropped = await store.findRun(old ?? 0);
      expect(dropped).toMatchObject({ outputsDroppedAtMs: 99, version: 3 });
      expect(dropped?.outputTree).toBeUndefined();
      for (const id of [kept, young, linked, below, named]) {
        const run = await store.findRun(id ?? 0);
        expect(run).toMatchObject({ outputTree });
        expect(run?.outputsDroppedAtMs).toBeUndefined();
      }
    });
  });
}
