/** A check finds what is lost, in whatever way, and says whose it is; what is whole it leaves in peace. */
import type { ObjectStore } from "@spell/object-store";
import { createS3Store } from "@spell/object-store/s3";
import { Marks } from "@spell/run-store";
import type { NumberedBlob } from "@spell/run-store";
import { buildPack, digestOf } from "@spell/spellfs";
import { startMinio } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { makeTree } from "../test-support/make-tree.ts";
import type { Files } from "../test-support/make-tree.ts";
import { bareSpec } from "../test-support/records.ts";
import { openWorld } from "../test-support/world.ts";
import type { World } from "../test-support/world.ts";
import { TreeCatalog } from "../tree-catalog.ts";
import type { CheckProgress } from "./check-store.ts";
import { checkStore } from "./check-store.ts";

interface Outcome {
  last: CheckProgress | undefined;
  /** `resource: path (why) models`, in order of the alphabet. */
  losses: string[];
}

async function check(
  world: World,
  readData = false,
  objects: ObjectStore = world.objects,
  notes: string[] = [],
): Promise<Outcome> {
  let last: CheckProgress | undefined;
  const losses: string[] = [];
  for await (const progress of checkStore({ store: world.store, objects }, { readData })) {
    last = progress;
    const { loss, note } = progress;
    if (note !== undefined) notes.push(note);
    if (loss !== undefined) losses.push(`${loss.resource}: ${loss.path} (${loss.why}) ${loss.models.join(" ")}`);
  }
  return { last, losses: losses.sort() };
}

/** A run with outputs, a run that mounts them, an upload; a blob of each file in an object of its own. */
async function fill(world: World, objects: ObjectStore = world.objects): Promise<Record<string, string>> {
  const trees = new TreeCatalog(world.store, objects);
  const commit = async (files: Files) => {
    const { root, nodes, object, body } = makeTree(files);
    const parts = object.blobs.map(({ digest, offset, sizeBytes }) => ({
      ...{ objectKey: `packs/${digest}`, sizeBytes, blobs: [{ digest, offset: 0, sizeBytes }] },
      bytes: body.subarray(offset, offset + sizeBytes),
    }));
    for (const { objectKey, bytes } of parts) await objects.put(objectKey, bytes);
    await trees.commitTree({ root, objects: parts.map(({ bytes: _, ...part }) => part), nodes });
    const place = async (path: string) => {
      const entry = await trees.find(root, path);
      return `packs/${entry !== undefined && entry.kind !== "symlink" ? entry.digest : ""}`;
    };
    return { root, place };
  };
  const output = await commit({ save: { model: "weights", log: "lines" }, empty: {} });
  await world.addRun({}, { status: "complete", endedAtMs: 1, outputTree: output.root });
  const code = await commit({ repo: { "a.py": "code" } });
  const save = await trees.find(output.root, "save");
  if (save?.kind !== "directory") throw new Error("no folder");
  const mount = { resource: "runs/1/save", mountPoint: "/m", path: "/m", isFile: false, digest: save.digest };
  const mounts = [{ ...mount, sizeBytes: 0, executable: false }];
  await world.addRun({ spec: { ...bareSpec(), codeTree: code.root, codeRoot: "repo", mounts } });
  const upload = await commit({ data: "1,2,3", same: "weights" });
  await world.store.uploads.addUpload({ owner: "ann", name: "d", tree: upload.root, fileCount: 1, sizeBytes: 3 }, 1);
  for (const [name, resource] of [
    ["net", "runs/1/save"],
    ["other", "runs/1/save/log"],
    ["set", "uploads/d"],
  ] as const) {
    await world.store.models.addVersion({
      ...{ owner: "ann", name, version: "", resource, files: [], description: "", createdAtMs: 1 },
    });
  }
  const garbage = await commit({ nobody: "needs this" });
  return {
    weights: await output.place("save/model"),
    save: await output.place("save"),
    data: await upload.place("data"),
    code: `packs/${code.root}`,
    garbage: await garbage.place("nobody"),
  };
}

/** Takes the blob of an object out of the record, whoever names it: what no caller of ours does. */
async function forget({ store: { garbage } }: World, objectKey: string): Promise<void> {
  const collection = await garbage.beginCollection(1);
  const marks = new Marks(await garbage.lastBlobId());
  await garbage.watch(marks);
  for (const blob of await garbage.listBlobs({ afterId: 0, limit: 1_000 })) {
    if (blob.objectKey !== objectKey) marks.mark(blob.id, false);
  }
  await garbage.noteDead(collection, { marks, afterId: 0, limit: 1_000 });
  expect(await garbage.condemn(collection, marks, 2)).toBe(true);
  expect((await garbage.deleteCondemned(9)).blobs).toBe(1);
  await garbage.watch(undefined);
}

const WEIGHTS_LOST = (why: RegExp) =>
  [
    new RegExp(`^a mount of run 2: model \\(${why.source}\\) $`),
    new RegExp(`^runs/1: save/model \\(${why.source}\\) net:v1$`),
    new RegExp(`^uploads/d: same \\(${why.source}\\) set:v1$`),
  ].map((pattern) => expect.stringMatching(pattern) as string);

describe("a check of the store", () => {
  it("finds nothing where nothing is lost, however much garbage there is", async () => {
    await using world = await openWorld();
    const { garbage = "" } = await fill(world);
    await world.objects.put("packs/never-committed", Buffer.from("x"));
    await world.objects.delete(garbage);
    for (const readData of [false, true]) {
      const { last, losses } = await check(world, readData);
      expect(losses).toEqual([]);
      expect(last).toMatchObject({ step: "naming", lostBlobs: 0, checkedObjects: 12 });
      expect(last?.readBytes ?? 0).toBeGreaterThan(readData ? 100 : -1);
    }
  });

  it("names all that an absent or short object touches, models too", async () => {
    await using world = await openWorld();
    const { weights = "" } = await fill(world);
    await world.objects.put(weights, Buffer.from("weigh"));
    expect((await check(world)).losses).toEqual(WEIGHTS_LOST(/the object .* is cut off after 5 bytes/));
    await world.objects.delete(weights);
    const { last, losses } = await check(world, true);
    expect(losses).toEqual(WEIGHTS_LOST(/the object that holds it \(packs\/.*\) is gone/));
    expect(last).toMatchObject({ lostBlobs: 1 });
  });

  it("finds changed bytes of files only when it reads them, of folders always", async () => {
    await using world = await openWorld();
    const { weights = "", code = "" } = await fill(world);
    await world.objects.put(weights, Buffer.from("WEIGHTS"));
    expect((await check(world)).losses).toEqual([]);
    expect((await check(world, true)).losses).toEqual(WEIGHTS_LOST(/The store holds other bytes than .*/));
    const { sizeBytes = 0 } = (await world.objects.find(code)) ?? {};
    await world.objects.put(code, Buffer.alloc(sizeBytes, "x"));
    const found = (await check(world)).losses;
    expect(found).toEqual([expect.stringMatching(/^code of run 2: {2}\(The store holds other bytes/)]);
  });

  it("finds changed bytes in the middle of a pack", async () => {
    await using world = await openWorld();
    const { root, nodes, object, body } = makeTree({ a: "first", b: "second", c: "third" });
    await world.objects.put(object.objectKey, body);
    await world.trees.commitTree({ root, objects: [object], nodes });
    await world.store.uploads.addUpload({ owner: "ann", name: "p", tree: root, fileCount: 3, sizeBytes: 3 }, 1);
    const damaged = Buffer.from(body);
    damaged[7] = 0;
    await world.objects.put(object.objectKey, damaged);
    expect((await check(world)).losses).toEqual([]);
    const { losses } = await check(world, true);
    expect(losses).toEqual([`uploads/p: b (the store holds other bytes in ${object.objectKey}) `]);
  });

  it("tells of packs whose footers are damaged or lie, which is no loss", async () => {
    await using world = await openWorld();
    const made = makeTree({ a: "first", b: "second", c: "third" });
    const blobs = made.object.blobs.map(({ digest, offset, sizeBytes }) => {
      return { digest, bytes: made.body.subarray(offset, offset + sizeBytes) };
    });
    const { content, blobs: places } = buildPack(blobs);
    const objectKey = "packs/with-footer";
    const put = (bytes: Uint8Array) => world.objects.put(objectKey, bytes);
    await put(content);
    const objects = [{ objectKey, sizeBytes: content.byteLength, blobs: places }];
    await world.trees.commitTree({ root: made.root, objects, nodes: made.nodes });
    await world.store.uploads.addUpload({ owner: "ann", name: "p", tree: made.root, fileCount: 3, sizeBytes: 3 }, 1);
    // A pack of a former version has none, and nothing is missed in it.
    await world.commit({ former: "version" });
    const told = async (): Promise<[string[], number]> => {
      const notes: string[] = [];
      const { last, losses } = await check(world, true, world.objects, notes);
      expect(losses).toHaveLength(last?.lostBlobs ?? 0);
      return [notes, losses.length];
    };
    expect(await told()).toEqual([[], 0]);
    const damaged = Buffer.from(content);
    damaged[damaged.length - 1] = 0;
    await put(damaged);
    const start = "The pack packs/with-footer could not be read without the record.";
    expect(await told()).toEqual([[`${start} The footer of a pack is wrong: it does not end like a pack.`], 0]);
    const [first, ...others] = blobs;
    const lie = buildPack([{ digest: digestOf(Buffer.from("lie")), bytes: first?.bytes ?? content }, ...others]);
    await put(lie.content);
    expect(await told()).toEqual([[`${start} Its footer does not say where blob ${first?.digest} lies.`], 0]);
    await put(content.subarray(0, 5));
    expect(await told()).toEqual([[], 1]);
    await world.objects.delete(objectKey);
    expect(await told()).toEqual([[], 1]);
  });

  it("finds what the record has lost, or has with another size", async () => {
    await using world = await openWorld();
    const { weights = "", data = "" } = await fill(world);
    await forget(world, weights);
    const garbage = new Proxy(world.store.garbage, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function") return value;
        return async (...given: unknown[]): Promise<unknown> => {
          const answer: unknown = await value.apply(target, given);
          if (key !== "findByDigest") return answer;
          const shrunk = (blob: NumberedBlob) => (blob.objectKey === data ? { ...blob, sizeBytes: 4 } : blob);
          return (answer as NumberedBlob[]).map(shrunk);
        };
      },
    });
    const { store } = world;
    const [links, models] = [store.links, store.models];
    const { losses, last } = await check({ ...world, store: { ...store, garbage, links, models } });
    expect(losses.filter((line) => !line.includes("data"))).toEqual(WEIGHTS_LOST(/nothing is recorded of it/));
    expect(losses.filter((line) => line.includes("data"))).toEqual([
      "uploads/d: data (it is recorded with 4 bytes and should have 5) set:v1",
    ]);
    expect(last?.lostBlobs).toBe(2);
  });

  it("works the same on an S3 store, and takes a store that is away for no loss", async () => {
    await using minio = await startMinio();
    await using world = await openWorld();
    const objects = createS3Store({ ...minio, bucket: "spell", timeoutMs: 2_000 });
    await objects.ensureBucket();
    const { weights = "" } = await fill(world, objects);
    expect(await check(world, true, objects)).toMatchObject({ losses: [], last: { lostBlobs: 0 } });
    await objects.delete(weights);
    expect((await check(world, false, objects)).losses).toEqual(WEIGHTS_LOST(/the object .* is gone/));
    await minio.stop();
    await expect(check(world, false, objects)).rejects.toMatchObject({ code: "unavailable" });
  }, 60_000);
});
