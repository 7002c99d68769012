/** What a collection removes and what it spares, on both object stores. */
import type { Digest } from "@spell/domain";
import { createS3Store } from "@spell/object-store/s3";
import type { ObjectStore } from "@spell/object-store";
import { startMinio } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { makeTree } from "../test-support/make-tree.ts";
import type { Files } from "../test-support/make-tree.ts";
import { ANN, BOB, assignedTo, openWorld, runRequest } from "../test-support/world.ts";
import type { World } from "../test-support/world.ts";
import { TreeCatalog } from "../tree-catalog.ts";
import type { CollectOptions, CollectionProgress } from "./collect-garbage.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { AgentRepairs } from "./agent-repairs.ts";
import { Storage } from "./storage.ts";

const HOUR_MS = 3_600_000;
const OPTIONS: CollectOptions = { graceMs: HOUR_MS, dryRun: false, despiteLosses: false };

async function collect(
  world: World,
  over: Partial<CollectOptions> = {},
  objects: ObjectStore = world.objects,
): Promise<CollectionProgress | undefined> {
  let last: CollectionProgress | undefined;
  const deps = { store: world.store, objects, now: () => world.clock.nowMs };
  for await (const progress of collectGarbage(deps, { ...OPTIONS, ...over })) last = progress;
  return last;
}

/** Objects were put by the machine's clock: the test's goes on from there. */
async function openAged(): Promise<World> {
  const world = await openWorld();
  world.clock.nowMs = Date.now();
  return world;
}

async function objectKeys(objects: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objects.list("packs/")) keys.push(key);
  return keys;
}

async function readAll(trees: TreeCatalog, root: Digest): Promise<number> {
  let nodes = 0;
  for await (const level of trees.read(root)) nodes += level.nodes.length;
  return nodes;
}

const CODE: Files = { repo: { "a.py": "a", lib: { "b.py": "b" } } };

describe("a collection", () => {
  it("spares what is young, and removes it later, once, rows and bytes", async () => {
    await using world = await openAged();
    const root = await world.commit(CODE);
    await world.objects.put("packs/never-committed", Buffer.from("bytes"));
    await world.objects.put("logs/segment", Buffer.from("bytes"));
    expect(await collect(world)).toMatchObject({ deadBlobs: 0, deletedObjects: 0, aliveBlobs: 5 });
    world.clock.nowMs += HOUR_MS + 1_000;
    const foreseen = await collect(world, { dryRun: true });
    expect(foreseen).toMatchObject({ deadBlobs: 5, deletedObjects: 2, aliveBlobs: 0 });
    expect(await world.trees.hasTree(root)).toBe(true);
    const { deadBlobs, deadBytes, deletedObjects, deletedBytes } = foreseen ?? {};
    expect(await collect(world)).toMatchObject({ deadBlobs, deadBytes, deletedObjects, deletedBytes });
    expect(await world.trees.hasTree(root)).toBe(false);
    expect(await objectKeys(world.objects)).toEqual([]);
    expect(await world.objects.find("logs/segment")).toBeDefined();
    expect(await collect(world)).toMatchObject({ deadBlobs: 0, deletedObjects: 0 });
    expect((await world.store.garbage.lastCollection())?.result).toMatchObject({ deadBlobs: 0 });
    // A catalog that had it in memory takes it for gone too, and takes it anew.
    await expect(world.trees.readNode(root)).rejects.toMatchObject({ code: "not-found" });
    expect(await world.commit(CODE)).toBe(root);
    expect(await readAll(world.trees, root)).toBe(3);
  });

  it.each([-24, -1, 1, 24])(
    "with the clock set by %i hours loses nothing that is named, nor an upload for good",
    async (hours) => {
      await using world = await openAged();
      const kept = await world.commit(CODE);
      await world.store.uploads.addUpload({ owner: "ann", name: "c", tree: kept, fileCount: 2, sizeBytes: 2 }, 1);
      const young = await world.commit({ young: "1" });
      const made = makeTree({ arriving: "2" });
      const put = (): Promise<void> => world.objects.put(made.object.objectKey, made.body);
      const commit = (): Promise<void> =>
        world.trees.commitTree({ root: made.root, objects: [made.object], nodes: made.nodes });
      await put();
      world.clock.nowMs += hours * HOUR_MS + Math.sign(hours) * 1_000;
      await collect(world);
      expect(await readAll(world.trees, kept)).toBe(3);
      // Ahead, all that nobody names looks old and goes; back, it looks young and stays until that time comes again.
      expect(await world.trees.hasTree(young)).toBe(hours < 0);
      if (hours < 0) await commit();
      else await expect(commit()).rejects.toMatchObject({ reason: "missing-object" });
      // What a client answers that with: all is sent anew, under another key.
      const again = makeTree({ arriving: "2" });
      await world.objects.put(again.object.objectKey, again.body);
      await world.trees.commitTree({ root: again.root, objects: [again.object], nodes: again.nodes });
      await world.store.uploads.addUpload({ owner: "ann", name: "d", tree: again.root, fileCount: 1, sizeBytes: 1 }, 1);
      world.clock.nowMs -= hours * HOUR_MS;
      await collect(world);
      for (const [root, nodes] of [
        [kept, 3],
        [again.root, 1],
      ] as const)
        expect(await readAll(world.trees, root)).toBe(nodes);
    },
  );

  it("spares what anything in the record names, and what lies below", async () => {
    await using world = await openAged();
    const output = await world.commit({ out: { model: "weights" } });
    const { id } = await world.addEnded("complete", { save: { w: "1" } });
    const code = await world.commit(CODE);
    const upload = await world.commit({ data: "1,2" });
    const run = await world.addRun({}, { status: "complete", endedAtMs: 1, outputTree: output });
    const mounts = [
      { resource: `runs/${id}/save`, mountPoint: "/m" },
      { resource: `runs/${id}/save/w`, mountPoint: "/n" },
    ];
    await world.create.run(ANN, runRequest({ codeTree: code, codeRoot: "repo", mounts }), "");
    await world.store.uploads.addUpload({ owner: "ann", name: "d", tree: upload, fileCount: 1, sizeBytes: 3 }, 1);
    const dead = await world.commit({ nobody: "needs this" });
    world.clock.nowMs += 2 * HOUR_MS;
    expect(await collect(world)).toMatchObject({ deadBlobs: 2, deletedObjects: 1 });
    for (const root of [output, code, upload]) await readAll(world.trees, root);
    expect(await world.trees.hasTree(dead)).toBe(false);
    await world.store.uploads.removeUpload((await world.store.uploads.findUpload("ann", "d"))?.id ?? 0);
    expect(await collect(world)).toMatchObject({ deadBlobs: 2, deletedObjects: 1 });
    expect((await world.store.findRun(run.id))?.outputTree).toBe(output);
  });

  it("keeps an object as long as one blob in it lives", async () => {
    await using world = await openAged();
    const tree = await world.commit({ keep: { a: "a" }, drop: { b: "b" } });
    const keep = await world.trees.find(tree, "keep");
    if (keep?.kind !== "directory") throw new Error("no folder");
    await world.store.uploads.addUpload({ owner: "ann", name: "k", tree: keep.digest, fileCount: 1, sizeBytes: 1 }, 1);
    world.clock.nowMs += 2 * HOUR_MS;
    expect(await collect(world)).toMatchObject({ deadBlobs: 3, deletedObjects: 0 });
    expect(await readAll(world.trees, keep.digest)).toBe(1);
    expect(await world.trees.findMissing([tree, keep.digest], 0)).toMatchObject({ missing: [tree] });
  });

  it("spares for as long as before what somebody asked for and was told to be there", async () => {
    await using world = await openAged();
    const root = await world.commit(CODE);
    world.clock.nowMs += HOUR_MS - 1_000;
    expect((await world.trees.findMissing([root], 1)).missing).toEqual([]);
    world.clock.nowMs += HOUR_MS - 1_000;
    expect(await collect(world)).toMatchObject({ deadBlobs: 0 });
  });

  it("spares what an agent stored for an attempt until that is over, however long it takes", async () => {
    await using world = await openAged();
    const run = await world.addRun({}, assignedTo("a1"));
    const committer = { userName: "ann", isClaimant: false, heldBy: { runId: run.id, attempt: 1 } };
    const { root, nodes, object, body } = makeTree(CODE);
    await world.objects.put(object.objectKey, body);
    await world.trees.commitTree({ root, objects: [object], nodes }, committer);
    const known = await world.commit({ known: "before" });
    await world.trees.findMissing([known], 1, { committer });
    world.clock.nowMs += 1_000 * HOUR_MS;
    expect(await collect(world)).toMatchObject({ deadBlobs: 0 });
    const current = await world.store.findRun(run.id);
    await world.store.updateRun(run.id, current?.version ?? 0, { status: "complete", endedAtMs: 1, outputTree: root });
    expect(await collect(world)).toMatchObject({ deadBlobs: 2 });
    expect(await readAll(world.trees, root)).toBe(3);
  });

  it("gives up outputs of runs that were archived long ago, if it is told to", async () => {
    await using world = await openAged();
    const { id, version } = await world.addEnded("complete", { save: "x" });
    await world.store.updateRun(id, version, { archivedAtMs: world.clock.nowMs });
    world.clock.nowMs += 48 * HOUR_MS;
    expect(await collect(world)).toMatchObject({ droppedOutputs: 0, deadBlobs: 0 });
    expect(await collect(world, { keepArchivedOutputsMs: 49 * HOUR_MS })).toMatchObject({ droppedOutputs: 0 });
    expect(await collect(world, { keepArchivedOutputsMs: 47 * HOUR_MS })).toMatchObject({
      droppedOutputs: 1,
      deadBlobs: 2,
    });
    const why = /archived, and its outputs were dropped on 20\d\d-/;
    await expect(world.resources.list(ANN, `runs/${id}`)).rejects.toThrow(why);
    await expect(world.resources.list(ANN, `runs/${id}/save`)).rejects.toThrow(why);
  });

  it("removes nothing while a folder in use cannot be read, unless it is told to go on", async () => {
    await using world = await openAged();
    const root = await world.commit(CODE);
    await world.store.uploads.addUpload({ owner: "ann", name: "c", tree: root, fileCount: 2, sizeBytes: 2 }, 1);
    const [key = ""] = await objectKeys(world.objects);
    const bytes = await world.objects.get(key);
    const dead = await world.commit({ nobody: "needs this" });
    world.clock.nowMs += 2 * HOUR_MS;
    for (const damage of [() => world.objects.delete(key), () => world.objects.put(key, Buffer.alloc(bytes.length))]) {
      await damage();
      await expect(collect(world)).rejects.toMatchObject({ code: "data-loss", reason: "lost-folder" });
      expect(await world.trees.hasTree(dead)).toBe(true);
    }
    expect((await collect(world, { despiteLosses: true }))?.deadBlobs).toBeGreaterThan(1);
    expect(await world.trees.hasTree(dead)).toBe(false);
  });

  it("works the same on an S3 store", async () => {
    await using minio = await startMinio();
    await using world = await openAged();
    const objects = createS3Store({ ...minio, bucket: "spell" });
    await objects.ensureBucket();
    const trees = new TreeCatalog(world.store, objects, () => world.clock.nowMs);
    const commit = async (files: Files): Promise<Digest> => {
      const { root, nodes, object, body } = makeTree(files);
      await objects.put(object.objectKey, body);
      await trees.commitTree({ root, objects: [object], nodes });
      return root;
    };
    const kept = await commit(CODE);
    await world.store.uploads.addUpload({ owner: "ann", name: "c", tree: kept, fileCount: 2, sizeBytes: 2 }, 1);
    for (let index = 0; index < 20; index += 1) await commit({ [`f${index}`]: String(index) });
    await objects.put("packs/never-committed", Buffer.from("bytes"));
    expect(await collect(world, {}, objects)).toMatchObject({ deadBlobs: 0, deletedObjects: 0 });
    world.clock.nowMs += 2 * HOUR_MS;
    expect(await collect(world, {}, objects)).toMatchObject({ deadBlobs: 40, deletedObjects: 21 });
    expect(await readAll(trees, kept)).toBe(3);
    expect(await objectKeys(objects)).toHaveLength(1);
    expect((await trees.findMissing([kept], 1)).missing).toEqual([]);
  }, 60_000);
});

describe("the store's keeper", () => {
  const open = async (everyMs = 24 * HOUR_MS) => {
    const world = await openAged();
    const outcomes: CollectionProgress[] = [];
    const { store, objects, trees, clock } = world;
    const storage = new Storage({
      ...{ store, objects, trees, now: () => clock.nowMs, rules: { graceMs: HOUR_MS, everyMs } },
      repairs: new AgentRepairs(world.sessions),
      onCollected: (outcome) => outcomes.push(outcome),
    });
    await store.ensureUser({ name: "ann", email: "a@b", createdAtMs: 1, operator: true });
    await store.ensureUser({ name: "bob", email: "b@b", createdAtMs: 1 });
    return { world, storage, outcomes };
  };
  const options = { dryRun: false, despiteLosses: false };

  it("collects once a day by itself, also over a restart", async () => {
    const { world, storage, outcomes } = await open();
    await using _world = world;
    for (const passedMs of [0, 23 * HOUR_MS, HOUR_MS, 1, -60 * HOUR_MS]) {
      world.clock.nowMs += passedMs;
      await storage.sweep();
    }
    expect(outcomes).toHaveLength(3);
    await storage.stop();
    const { world: other, storage: never, outcomes: none } = await open(0);
    await using _other = other;
    await never.sweep();
    expect(none).toEqual([]);
  });

  it("obeys the operator alone, does one thing at a time, and ends when its caller or the coordinator does", async () => {
    const { world, storage } = await open();
    await using _world = world;
    await world.commit(CODE);
    await expect(storage.collect(BOB, options).next()).rejects.toMatchObject({ code: "forbidden" });
    const first = storage.collect(ANN, options);
    await first.next();
    await expect(storage.collect(ANN, options).next()).rejects.toMatchObject({
      code: "conflict",
      reason: "storage-busy",
    });
    await storage.sweep();
    await first.return();
    const second = storage.collect(ANN, options);
    await second.next();
    const stopping = storage.stop();
    for await (const _step of second) continue;
    await stopping;
    await expect(storage.collect(ANN, options).next()).rejects.toMatchObject({ reason: "storage-busy" });
    // Nothing is watched any more.
    await world.addRun({});
  });
});
