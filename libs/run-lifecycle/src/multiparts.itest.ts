/** Objects in parts between the record and the store: whose they are, completing twice, and what is given up. */
import { createS3Store } from "@spell/object-store/s3";
import type { ObjectStore, PartTag } from "@spell/object-store";
import { startMinio } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { Multiparts } from "./multiparts.ts";
import { collectGarbage } from "./storage/collect-garbage.ts";
import type { CollectionProgress } from "./storage/collect-garbage.ts";
import { unfinishedBytes } from "./storage/idle-multiparts.ts";
import { openWorld } from "./test-support/world.ts";
import type { World } from "./test-support/world.ts";

const HOUR_MS = 3_600_000;
const ANN = "user:ann";
const MIB = 1024 ** 2;
const SIZE = 16 * MIB + 3;

interface Given {
  world: World;
  objects: ObjectStore;
  multiparts: Multiparts;
  put: (objectKey: string, number: number, body: Uint8Array) => Promise<PartTag>;
}

async function openParts(): Promise<World & Given> {
  const world = await openWorld();
  world.clock.nowMs = Date.now();
  const { store, objects } = world;
  const multiparts = new Multiparts({ store, objects, now: () => world.clock.nowMs });
  const put = async (objectKey: string, number: number, body: Uint8Array): Promise<PartTag> => {
    const { uploadId = "" } = (await store.multiparts.find(objectKey)) ?? {};
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield body;
    };
    return { number, etag: await objects.putPart({ key: objectKey, uploadId, number }, pieces()) };
  };
  return Object.assign(world, { world, multiparts, put });
}

async function collect(
  { world, objects }: Pick<Given, "world" | "objects">,
  dryRun = false,
): Promise<CollectionProgress | undefined> {
  let last: CollectionProgress | undefined;
  const deps = { store: world.store, objects, now: () => world.clock.nowMs };
  const options = { graceMs: HOUR_MS, dryRun, despiteLosses: false };
  for await (const progress of collectGarbage(deps, options)) last = progress;
  return last;
}

async function unfinished(objects: ObjectStore, prefix: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { uploadId } of objects.listMultiparts(prefix)) ids.push(uploadId);
  return ids;
}

describe("an object in parts", () => {
  it("is begun, put, and completed, also twice; a commit finds it like any other", async () => {
    await using given = await openParts();
    const { multiparts, objects, put } = given;
    const { objectKey, partBytes } = await multiparts.start(ANN, SIZE);
    expect([objectKey, partBytes]).toEqual([expect.stringMatching(/^packs\/[0-9a-f-]{36}$/), 16 * MIB]);
    const urls = await multiparts.presign(ANN, objectKey, [2, 1]);
    expect(urls.map((url) => new URL(url).searchParams.get("partNumber"))).toEqual(["2", "1"]);
    const tags = [await put(objectKey, 2, Buffer.from("end")), await put(objectKey, 1, Buffer.alloc(16 * MIB))];
    expect(await multiparts.listParts(ANN, objectKey)).toMatchObject([{ number: 1 }, { number: 2, sizeBytes: 3 }]);
    expect(await unfinishedBytes({ store: given.world.store, objects })).toBe(SIZE);
    await multiparts.complete(ANN, objectKey, tags);
    await multiparts.complete(ANN, objectKey, tags);
    expect(await objects.find(objectKey)).toMatchObject({ sizeBytes: SIZE });
    expect(await unfinishedBytes({ store: given.world.store, objects })).toBe(0);
    await multiparts.abort(ANN, objectKey);
    expect(await objects.find(objectKey)).toBeDefined();
  });

  it("is nobody else's, whatever they call it", async () => {
    await using given = await openParts();
    const { multiparts, put } = given;
    const { objectKey } = await multiparts.start(ANN, 3);
    const tag = await put(objectKey, 1, Buffer.from("abc"));
    for (const [holder, key] of [
      ["user:bob", objectKey],
      ["run:1", objectKey],
      [ANN, "packs/other"],
      [ANN, "logs/1"],
      [ANN, `${objectKey}/../x`],
      [ANN, ""],
      [ANN, "x".repeat(100_000)],
    ] as const) {
      const calls = [
        multiparts.presign(holder, key, [1]),
        multiparts.listParts(holder, key),
        multiparts.complete(holder, key, [tag]),
      ];
      for (const call of await Promise.allSettled(calls)) {
        expect(call).toMatchObject({ status: "rejected", reason: { code: "not-found", reason: "no-such-multipart" } });
      }
      await multiparts.abort(holder, key);
    }
    await multiparts.complete(ANN, objectKey, [tag]);
  });

  it("has no other parts, and gives so many URLs in a call", async () => {
    await using given = await openParts();
    const { multiparts } = given;
    const { objectKey } = await multiparts.start(ANN, SIZE);
    for (const numbers of [[0], [3], [-1], [2 ** 31 - 1], Array.from({ length: 65 }, () => 1)]) {
      await expect(multiparts.presign(ANN, objectKey, numbers)).rejects.toMatchObject({ code: "invalid-input" });
    }
  });
});

describe("a collection gives up", () => {
  it("what nobody goes on with; not what is used, nor what was completed just now", async () => {
    await using given = await openParts();
    const { world, multiparts, objects, put } = given;
    const [idle, busy, done] = [
      await multiparts.start(ANN, 3),
      await multiparts.start(ANN, 3),
      await multiparts.start(ANN, 3),
    ];
    await put(idle.objectKey, 1, Buffer.from("abc"));
    const tag = await put(done.objectKey, 1, Buffer.from("xyz"));
    world.clock.nowMs += HOUR_MS + 1_000;
    await multiparts.presign(ANN, busy.objectKey, [1]);
    // A store may tell the time of the beginning as that of the object.
    await multiparts.complete(ANN, done.objectKey, [tag]);
    const find: ObjectStore["list"] = async function* (prefix) {
      for await (const object of objects.list(prefix)) yield { ...object, modifiedAtMs: 0 };
    };
    const old = { world, objects: Object.assign(Object.create(objects) as ObjectStore, { list: find }) };
    expect(await collect(old, true)).toMatchObject({ deletedBytes: 3 + 3 });
    expect(await collect(old)).toMatchObject({ deletedObjects: 1, deletedBytes: 3 });
    expect(await objects.find(done.objectKey)).toBeDefined();
    await expect(multiparts.listParts(ANN, idle.objectKey)).rejects.toMatchObject({ reason: "no-such-multipart" });
    expect(await multiparts.listParts(ANN, busy.objectKey)).toEqual([]);
    world.clock.nowMs += HOUR_MS + 1_000;
    expect(await collect(old)).toMatchObject({ deletedObjects: 2 });
    expect(await objects.find(done.objectKey)).toBeUndefined();
    expect(await world.store.multiparts.list({ after: "", limit: 9 })).toEqual([]);
    expect(await unfinished(objects, "")).toEqual([]);
  });

  it("what the record lost the name of, or never had, on both stores", async () => {
    await using minio = await startMinio();
    await using given = await openParts();
    const { world } = given;
    const s3 = createS3Store({ ...minio, bucket: "spell" });
    await s3.ensureBucket();
    for (const [name, objects] of Object.entries({ directory: given.objects, s3 })) {
      const layout = { sizeBytes: 3, partBytes: 16 * MIB };
      const record = { ...layout, objectKey: `packs/killed-${name}`, holder: ANN, usedAtMs: world.clock.nowMs };
      await world.store.multiparts.add(record);
      await objects.startMultipart(record.objectKey, layout);
      if (name === "directory") await objects.startMultipart("packs/unknown", layout);
      await collect({ world, objects });
      expect(await unfinished(objects, record.objectKey)).toHaveLength(1);
      world.clock.nowMs += HOUR_MS + 1_000;
      await collect({ world, objects });
      expect(await unfinished(objects, record.objectKey)).toEqual([]);
      expect(await unfinished(objects, "")).toEqual([]);
    }
  }, 60_000);
});
