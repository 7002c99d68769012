/** What one user says is in the store, over the wire: another one hears of it only when it is true. */
import type { Digest } from "@spell/domain";
import { callMetadata, readStream } from "@spell/rpc";
import { digestOf } from "@spell/spellfs";
import { describe, expect, it } from "vitest";
import { makeFolder } from "../test-support/trees.ts";
import type { World } from "../test-support/world.ts";
import { call, openWorld } from "../test-support/world.ts";

/** More than the coordinator reads whole when it is committed. */
const FILES = { weights: "w".repeat(300 * 1024) };

async function missing(world: World, token: string, digests: Digest[], targets = 0) {
  const { trees } = world;
  return call(trees.findMissing.bind(trees), { digests, targets, lease: undefined }, token);
}

async function put(url: string, body: Uint8Array): Promise<number> {
  const headers = { "if-none-match": "*" };
  return (await fetch(url, { method: "PUT", headers, body: new Uint8Array(body) })).status;
}

/** Puts the bytes as those of the folder, and commits it; where they were put. */
async function send(world: World, token: string, body: Uint8Array): Promise<string> {
  const { root, node, blobs } = makeFolder(FILES);
  const { trees } = world;
  const nobodys = digestOf(Buffer.from(Math.random().toString()));
  const [target] = (await missing(world, token, [nobodys], 1)).targets;
  expect(await put(target?.putUrl ?? "", body)).toBe(200);
  const object = { objectKey: target?.objectKey ?? "", sizeBytes: body.length, blobs };
  const request = { root, objects: [object], nodes: [node], lease: undefined, pack: undefined };
  await call(trees.commitTree.bind(trees), request, token);
  return target?.putUrl ?? "";
}

/** The bytes of the tree's file, as a machine gets them. */
async function contentOf(world: World, token: string): Promise<string> {
  const { root } = makeFolder(FILES);
  const { trees } = world;
  const request = { digest: root, isFile: false, lease: undefined };
  for await (const { objects } of readStream(trees.readTree.bind(trees), request, { metadata: callMetadata(token) })) {
    for (const { getUrl, blobs } of objects) {
      const [{ offset, sizeBytes } = { offset: 0, sizeBytes: 0 }] = blobs;
      const range = `bytes=${offset}-${offset + sizeBytes - 1}`;
      return (await fetch(getUrl, { headers: { range } })).text();
    }
  }
  return "";
}

describe("another user's claim", () => {
  const { root, body, blobs } = makeFolder(FILES);
  const digests = blobs.map(({ digest }) => digest);
  const lie = Buffer.from(body);
  lie.fill("lie", 0, FILES.weights.length);

  it("that is false is logged with the name, and one's own copy counts", async () => {
    await using world = await openWorld();
    const warned: unknown[] = [];
    world.services.log.warn = (...facts: unknown[]) => void warned.push(...facts);
    await send(world, world.bob, lie);
    expect((await missing(world, world.bob, digests)).missing).toEqual([]);
    expect((await missing(world, world.ann, digests)).missing).toEqual(digests);
    expect(warned[0]).toMatchObject({ userName: "bob", digest: digests[0] });
    await send(world, world.ann, body);
    expect(await contentOf(world, world.ann)).toBe(FILES.weights);
    expect((await missing(world, world.ann, digests)).missing).toEqual([]);
  });

  it("that is false is refused when one's own copy was first", async () => {
    await using world = await openWorld();
    await send(world, world.ann, body);
    await expect(send(world, world.bob, lie)).rejects.toMatchObject({
      ...{ code: "invalid-input", reason: "bad-blob-place" },
    });
    expect(await contentOf(world, world.ann)).toBe(FILES.weights);
  });

  it("that is true saves the sending, and cannot be made false afterwards", async () => {
    await using world = await openWorld();
    const url = await send(world, world.bob, body);
    expect((await missing(world, world.ann, digests)).missing).toEqual([root]);
    expect(await put(url, lie)).toBe(412);
    expect(await contentOf(world, world.ann)).toBe(FILES.weights);
  });
});
