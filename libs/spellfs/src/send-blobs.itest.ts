/** What a cache gives back to the store: whole objects of sound blobs, or nothing. */
import { chmodSync, existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { buildPack } from "./build-pack.ts";
import { digestOf } from "./node.ts";
import { CacheWorld, quick } from "./test-support/cache-world.ts";

const sha = (text: string | Buffer) => digestOf(Buffer.from(text));

/** A cache that holds these texts, one of them as an executable only. */
async function open(world: CacheWorld) {
  const large = Buffer.alloc(3_000_000, "large");
  const { root } = await world.store({ a: "one", b: "two", c: "", big: large }, (path) =>
    chmodSync(`${path}/b`, 0o755),
  );
  const cache = await world.open();
  await cache.ensureTree(root, world.transport, quick);
  const put = () => ({ putUrl: world.server.url("packs/again") });
  return { cache, put, large, sent: () => world.server.objects.get("packs/again") };
}

describe("blobs that a cache gives back", () => {
  test("are put end to end, whatever their form", async () => {
    await using world = await CacheWorld.make();
    const { cache, put, large, sent } = await open(world);
    const digests = ["two", "", large, "one"].map(sha);
    const held = [3, 0, large.length, 3].map((sizeBytes, index) => ({ digest: digests[index], sizeBytes }));
    expect(await cache.findBlobs([...digests, sha("absent")])).toEqual(held);
    expect(await cache.sendBlobs(digests, put(), quick)).toEqual(held);
    const blobs = ["two", "", large, "one"].map((text) => ({ digest: sha(text), bytes: Buffer.from(text) }));
    expect(sent()?.equals(buildPack(blobs).content)).toBe(true);
    // Asked once more, because the answer got lost.
    expect(await cache.sendBlobs(digests, put(), quick)).toEqual(held);
    world.server.objects.clear();
    expect(await cache.sendBlobs([sha("")], put(), quick)).toEqual([{ digest: sha(""), sizeBytes: 0 }]);
    expect(sent()?.equals(buildPack([{ digest: sha(""), bytes: Buffer.alloc(0) }]).content)).toBe(true);
  });

  test("are found as nodes of trees that lie here, with all that lie beside and below them", async () => {
    await using world = await CacheWorld.make();
    const files = { "d/e/f": "deep", "d/run": "run", "d/none/x": "", g: "top" };
    const { root, nodes } = await world.store(files, (path) => {
      chmodSync(`${path}/d/run`, 0o755);
      symlinkSync("e/f", `${path}/d/link`);
      rmSync(`${path}/d/none/x`);
    });
    const cache = await world.open();
    await cache.ensureTree(root, world.transport, quick);
    const digests = [...nodes.keys()];
    expect(await cache.findBlobs(digests)).toEqual([]);
    expect(await cache.findBlobs([sha("absent")], { nodes: true })).toEqual([]);
    expect(await cache.findBlobs(digests)).toEqual([]);
    expect(await cache.findBlobs(digests.slice(0, 1), { nodes: true })).toHaveLength(1);
    const held = await cache.findBlobs(digests);
    expect(held).toEqual(digests.map((digest) => ({ digest, sizeBytes: nodes.get(digest)?.length })));
    await cache.sendBlobs(digests, { putUrl: world.server.url("packs/again") }, quick);
    const blobs = digests.map((digest) => ({ digest, bytes: nodes.get(digest) ?? Buffer.alloc(0) }));
    expect(world.server.objects.get("packs/again")?.equals(buildPack(blobs).content)).toBe(true);
  });

  test("are put again after a cut, and given up when the store stays away", async () => {
    await using world = await CacheWorld.make();
    const { cache, put, large, sent } = await open(world);
    world.server.faults.PUT.push({ kind: "status", status: 503 }, { kind: "hang" });
    await cache.sendBlobs([sha(large)], put(), quick);
    expect(sent()?.equals(large)).toBe(true);
    world.server.objects.clear();
    world.server.faults.PUT.push(...Array.from({ length: 4 }, () => ({ kind: "status", status: 500 }) as const));
    await expect(cache.sendBlobs([sha("one")], put(), quick)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("are not put when one is absent or damaged; what is damaged leaves the cache", async () => {
    await using world = await CacheWorld.make();
    const { cache, put, large, sent } = await open(world);
    const one = { digest: sha("one"), sizeBytes: 3 };
    expect(await cache.sendBlobs([sha("absent"), one.digest], put(), quick)).toEqual([one]);
    for (const [digest, bytes] of [
      [sha("two"), "TWO"],
      [sha(large), Buffer.alloc(large.length, "wrong")],
    ] as const) {
      const forms = [world.blobPath(digest), `${world.blobPath(digest)}.x`].filter((path) => existsSync(path));
      expect(forms).not.toEqual([]);
      for (const path of forms) {
        writeFileSync(`${path}.new`, bytes);
        renameSync(`${path}.new`, path);
      }
      expect(await cache.sendBlobs([one.digest, digest], put(), quick)).toEqual([one]);
      expect(forms.filter((path) => existsSync(path))).toEqual([]);
    }
    expect(sent()).toBeUndefined();
  });

  test("stay in the cache when they cannot be read: it may be the last copy there is", async () => {
    await using world = await CacheWorld.make();
    const { cache, put, sent } = await open(world);
    const path = world.blobPath(sha("one"));
    renameSync(path, `${path}.away`);
    symlinkSync(`${path}.away`, path); // links are not followed: reading fails
    expect(await cache.sendBlobs([sha("one")], put(), quick)).toEqual([]);
    expect([existsSync(path), sent()]).toEqual([true, undefined]);
  });
});
