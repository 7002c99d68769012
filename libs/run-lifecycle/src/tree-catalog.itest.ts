/** Committing trees, hostile ones above all: what is refused leaves nothing behind. */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import { isDigest } from "@spell/domain";
import { digestOf, encodeNode } from "@spell/spellfs";
import type { StoredObject } from "@spell/spellfs";
import { describe, expect, it } from "vitest";
import { Link, makeTree, pack } from "./test-support/make-tree.ts";
import type { Files, MadeTree } from "./test-support/make-tree.ts";
import { openWorld } from "./test-support/world.ts";
import type { World } from "./test-support/world.ts";
import { TreeCatalog } from "./tree-catalog.ts";

const FILES = { repo: { "train.py": "print(1)", "run.sh": "true", data: { a: "aaa", empty: "" } } };
const NOTHING: Digest = digestOf(Buffer.from("bytes that nobody has"));

/** Puts the tree's object; the request that commits it, changed as said. */
async function put(world: World, made: MadeTree, over: Partial<StoredObject> = {}) {
  await world.objects.put(made.object.objectKey, made.body);
  return { root: made.root, nodes: made.nodes, objects: [{ ...made.object, ...over }] };
}

async function refused(world: World, request: Parameters<TreeCatalog["commitTree"]>[0], reason: string, what = /./) {
  await expect(world.trees.commitTree(request)).rejects.toMatchObject({
    name: "SpellError",
    code: "invalid-input",
    reason,
    message: expect.stringMatching(what),
  });
  const named = [request.root, ...request.objects.flatMap((object) => object.blobs.map((blob) => blob.digest))];
  expect(await world.store.findBlobs(named.filter(isDigest))).toEqual([]);
  expect(await world.trees.hasTree(request.root)).toBe(false);
  await expect(world.trees.readNode(request.root)).rejects.toMatchObject({ code: "not-found" });
}

describe("a committed tree", () => {
  it("is found by its paths, also by another coordinator", async () => {
    await using world = await openWorld();
    const root = await world.commit(FILES);
    for (const trees of [world.trees, new TreeCatalog(world.store, world.objects)]) {
      expect(await trees.hasTree(root)).toBe(true);
      expect(await trees.find(root, "")).toMatchObject({ kind: "directory", digest: root });
      expect(await trees.find(root, "repo/train.py")).toMatchObject({ kind: "file", sizeBytes: 8, executable: false });
      expect(await trees.find(root, "repo/run.sh")).toMatchObject({ kind: "file", executable: true });
      expect(await trees.find(root, "repo/data")).toMatchObject({ kind: "directory" });
      expect(await trees.find(root, "repo/none")).toBeUndefined();
      expect(await trees.find(root, "repo/train.py/x")).toBeUndefined();
      await expect(trees.find(root, "repo/../repo")).rejects.toMatchObject({ code: "invalid-input" });
    }
  });

  it("is missing nothing, and only what is new is asked for", async () => {
    await using world = await openWorld();
    const root = await world.commit(FILES);
    const { missing, targets } = await world.trees.findMissing([root, NOTHING], 3);
    expect(missing).toEqual([NOTHING]);
    expect(new Set(targets.map((target) => target.objectKey)).size).toBe(3);
    expect(targets.every((target) => /^packs\/[0-9a-f-]+$/.test(target.objectKey))).toBe(true);
    expect(await world.trees.findMissing([root], 3)).toEqual({ missing: [], targets: [] });
    expect((await world.trees.findMissing([NOTHING], 1_000_000)).targets).toHaveLength(64);
    expect((await world.trees.findMissing([NOTHING], -1)).targets).toEqual([]);
  });

  it("is built on what is known: only the new nodes come with it", async () => {
    await using world = await openWorld();
    await world.commit(FILES);
    const grown = makeTree({ ...FILES, more: "more" });
    const rootNode = grown.nodes.filter((node) => digestOf(node) === grown.root);
    const { object, body } = pack([...rootNode, Buffer.from("more")]);
    await world.objects.put(object.objectKey, body);
    await world.trees.commitTree({ root: grown.root, objects: [object], nodes: rootNode });
    expect(await world.trees.find(grown.root, "repo/data/a")).toMatchObject({ kind: "file", sizeBytes: 3 });
    // The same once more, and one of known parts only, is fine.
    await world.trees.commitTree({ root: grown.root, objects: [object], nodes: rootNode });
    await world.trees.commitTree({ root: grown.root, objects: [], nodes: [] });
  });

  it("is read a level at a time, each node once, with a place for every file", async () => {
    await using world = await openWorld();
    const root = await world.commit({ a: { same: { f: "x" } }, b: { same: { f: "x" } }, top: "t" });
    const levels = [];
    for await (const level of world.trees.read(root)) levels.push(level);
    expect(levels.map((level) => level.nodes.length)).toEqual([1, 1, 1]);
    expect(levels.flatMap((level) => level.objects.flatMap((object) => object.blobs))).toHaveLength(2);
    expect(levels[0]?.objects[0]?.getUrl).toMatch(/^http:\/\/127\.0\.0\.1:1\//);
  });

  it("can be wrapped in a name, again and again the same", async () => {
    await using world = await openWorld();
    const inner = await world.commit(FILES.repo);
    const wrapped = await world.trees.wrap("repo", inner);
    expect(await world.trees.wrap("repo", inner)).toBe(wrapped);
    expect(wrapped).toBe(makeTree({ repo: FILES.repo }).root);
    expect(await new TreeCatalog(world.store, world.objects).find(wrapped, "repo/data/a")).toBeDefined();
  });

  it("whose bytes the store lost or changed is data loss, not another tree", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    await world.trees.commitTree(await put(world, made));
    await world.objects.put(made.object.objectKey, Buffer.alloc(made.body.length));
    const elsewhere = new TreeCatalog(world.store, world.objects);
    await expect(elsewhere.readNode(made.root)).rejects.toMatchObject({ code: "data-loss" });
    await expect(world.trees.sources([NOTHING])).rejects.toMatchObject({ code: "data-loss" });
  });
});

describe("a tree that comes whole in the call", () => {
  const whole = (files: Files) => {
    const { root, nodes, object, body } = makeTree(files);
    return { root, nodes, objects: [], pack: { content: body, blobs: object.blobs } };
  };
  const packs = async (world: World): Promise<number> => {
    let count = 0;
    for await (const _object of world.objects.list("packs/")) count += 1;
    return count;
  };

  it("is stored once, however often it comes, and shares what is known", async () => {
    await using world = await openWorld();
    const request = whole(FILES);
    await world.trees.commitTree(request);
    expect(await world.trees.find(request.root, "repo/train.py")).toMatchObject({ kind: "file", sizeBytes: 8 });
    const before = await packs(world);
    await world.trees.commitTree(request);
    expect(await packs(world)).toBe(before);
    await world.trees.commitTree(whole({ repo: { ...FILES.repo, "more.txt": "more" } }));
    expect(await packs(world)).toBe(before + 1);
  });

  it("may have a folder whose bytes are known as a file", async () => {
    await using world = await openWorld();
    const inner = makeTree({ x: "1" });
    const text = Buffer.from(inner.nodes[0] ?? []).toString();
    await world.trees.commitTree(whole({ "looks like a folder": text }));
    expect(await world.trees.hasTree(inner.root)).toBe(false);
    await world.trees.commitTree(whole({ x: "1" }));
    expect(await world.trees.hasTree(inner.root)).toBe(true);
  });

  it("is refused when its pack is not what it says, too large, or lacks something", async () => {
    await using world = await openWorld();
    const { pack: good, ...request } = whole(FILES);
    const [first, ...others] = good.blobs;
    if (first === undefined) throw new Error("the pack holds something");
    const content = Buffer.from(good.content);
    content[0] = (content[0] ?? 0) ^ 1;
    await refused(world, { ...request, pack: { ...good, content } }, "bad-blob-place");
    for (const over of [{ offset: -1 }, { offset: 1 }, { sizeBytes: 1e9 }, { offset: Number.NaN }, { sizeBytes: -1 }]) {
      await refused(
        world,
        { ...request, pack: { ...good, blobs: [{ ...first, ...over }, ...others] } },
        "bad-blob-place",
      );
    }
    await refused(world, { ...request, pack: { ...good, blobs: others } }, "missing-blob");
    const large = { content: Buffer.alloc(64 * 1024 + 1), blobs: [] };
    await refused(world, { ...request, pack: large }, "too-large");
    expect(await packs(world)).toBe(0);
  });
});

describe("commitTree refuses", () => {
  it("a root that nobody sent", async () => {
    await using world = await openWorld();
    await refused(world, { root: NOTHING, objects: [], nodes: [] }, "missing-blob", /top folder.*missing/);
  });

  it("a folder that nobody sent, by its path", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    const request = await put(world, made);
    const nodes = made.nodes.slice(1);
    await refused(world, { ...request, nodes }, "missing-blob", /repo\/data.*missing/);
  });

  it("a file that was not uploaded", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    const blobs = made.object.blobs.filter((blob) => blob.sizeBytes !== 3);
    await refused(world, await put(world, made, { blobs }), "missing-blob", /upload it first/);
  });

  it("a node that came inline only", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    const blobs = made.object.blobs.filter((blob) => blob.digest !== made.root);
    await refused(world, await put(world, made, { blobs }), "missing-blob");
  });

  it("a size that is not that of the blob", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    for (const wrong of [0, 2, 4]) {
      const blobs = made.object.blobs.map((blob) => (blob.sizeBytes === 3 ? { ...blob, sizeBytes: wrong } : blob));
      await refused(world, await put(world, made, { blobs }), "bad-size", /has . bytes, but the tree says 3/);
    }
  });

  it("an object that was not uploaded, or not whole", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    const request = { root: made.root, nodes: made.nodes, objects: [made.object] };
    await refused(world, request, "missing-object", /not uploaded whole/);
    await world.objects.put(made.object.objectKey, made.body.subarray(1));
    await refused(world, request, "missing-object");
  });

  it.each([`logs/${randomUUID()}`, "packs", "packs/", "packs/../logs/x", "/packs/x", "", "packs/a b", "packs/\0"])(
    "the object key %j",
    async (objectKey) => {
      await using world = await openWorld();
      await world.objects.put("logs/x", Buffer.from("the log of somebody else"));
      const made = makeTree(FILES);
      const request = { root: made.root, nodes: made.nodes, objects: [{ ...made.object, objectKey }] };
      await expect(world.trees.commitTree(request)).rejects.toMatchObject({
        name: "SpellError",
        code: "invalid-input",
      });
      expect(await world.trees.hasTree(made.root)).toBe(false);
    },
  );

  it.each([
    ["before its beginning", -1, 3],
    ["beyond its end", 1_000_000, 3],
    ["over its end", 0, 1_000_000],
    ["of negative size", 5, -1],
    ["of half a byte", 0.5, 3],
    ["nowhere", Number.NaN, 3],
    ["of no size", 0, Number.NaN],
    ["at the end of all numbers", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["at infinity", Number.POSITIVE_INFINITY, 0],
  ])("a blob %s of its object", async (_name, offset, sizeBytes) => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    const [first, ...others] = made.object.blobs;
    const blobs = [{ digest: first?.digest ?? NOTHING, offset, sizeBytes }, ...others];
    await refused(world, await put(world, made, { blobs }), "bad-blob-place", /lies outside object/);
  });

  it.each<[string, string]>([
    ["rubbish", "not a node at all"],
    ["another first line", "spell-tree 2\n"],
    ["a name that climbs", `spell-tree 1\nf\t..\t0\t${NOTHING}\n`],
    ["a name with a slash", `spell-tree 1\nf\ta/b\t0\t${NOTHING}\n`],
    ["an absolute name", `spell-tree 1\nf\t/etc/passwd\t0\t${NOTHING}\n`],
    ["the folder's own name", `spell-tree 1\nd\t.\t${NOTHING}\n`],
    ["a name with NUL", `spell-tree 1\nf\ta\0b\t0\t${NOTHING}\n`],
    ["a link target with NUL", "spell-tree 1\nl\ta\tb\0c\n"],
    ["a device", `spell-tree 1\nc\tnull\t0\t${NOTHING}\n`],
    ["a socket", "spell-tree 1\ns\tsocket\n"],
    ["a size beyond all numbers", `spell-tree 1\nf\ta\t9007199254740992\t${NOTHING}\n`],
    ["a digest that is none", `spell-tree 1\nf\ta\t0\t${NOTHING.toUpperCase()}\n`],
    ["one name twice", `spell-tree 1\nf\ta\t0\t${NOTHING}\nf\ta\t0\t${NOTHING}\n`],
    ["names out of order", `spell-tree 1\nf\tb\t0\t${NOTHING}\nf\ta\t0\t${NOTHING}\n`],
    ["a negative size", `spell-tree 1\nf\ta\t-1\t${NOTHING}\n`],
    ["an absolute link", "spell-tree 1\nl\ta\t/etc/passwd\n"],
  ])("a node of %s", async (_name, text) => {
    await using world = await openWorld();
    const node = Buffer.from(text);
    const { object, body } = pack([node]);
    await world.objects.put(object.objectKey, body);
    await refused(world, { root: digestOf(node), objects: [object], nodes: [node] }, "bad-tree");
  });

  it.each([
    ["at the top", { evil: new Link("../outside") }],
    ["deep", { a: { b: { evil: new Link("../../../outside") } } }],
    ["over a link", { a: { up: new Link(".."), evil: new Link("../..") } }],
  ])("a link that leaves the tree, %s", async (_name, files) => {
    await using world = await openWorld();
    await refused(world, await put(world, makeTree(files)), "bad-tree", /leaves the tree/);
  });

  it("a small tree that unfolds into billions of files", async () => {
    await using world = await openWorld();
    const file = Buffer.from("x");
    const nodes = [encodeNode([{ kind: "file", name: "f", sizeBytes: 1, digest: digestOf(file), executable: false }])];
    for (let level = 0; level < 12; level += 1) {
      const below = digestOf(nodes.at(-1) ?? file);
      const names = Array.from({ length: 10 }, (_, index) => `d${index}`);
      nodes.push(encodeNode(names.map((name) => ({ kind: "directory", name, digest: below }))));
    }
    const { object, body } = pack([...nodes, file]);
    await world.objects.put(object.objectKey, body);
    const root = digestOf(nodes.at(-1) ?? file);
    await refused(world, { root, objects: [object], nodes }, "bad-tree", /more than 10000000 files/);
  });
});

describe("what comes along with a tree but is no part of it", () => {
  it("is not recorded: a node that nobody checked never passes for a tree", async () => {
    await using world = await openWorld();
    const made = makeTree(FILES);
    // Its file was never uploaded.
    const stray = encodeNode([{ kind: "file", name: "f", sizeBytes: 9, digest: NOTHING, executable: false }]);
    const { object, body } = pack([stray, Buffer.from("stray bytes")]);
    await world.objects.put(object.objectKey, body);
    const request = await put(world, made);
    await world.trees.commitTree({
      root: made.root,
      nodes: [...made.nodes, stray],
      objects: [...request.objects, object],
    });
    expect(await world.trees.hasTree(made.root)).toBe(true);
    expect(await world.trees.hasTree(digestOf(stray))).toBe(false);
    await expect(world.trees.readNode(digestOf(stray))).rejects.toMatchObject({ code: "not-found" });
    expect(await world.store.findBlobs(object.blobs.map((blob) => blob.digest))).toEqual([]);
  });
});
