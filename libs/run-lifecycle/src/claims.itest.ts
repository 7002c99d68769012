/** A user who lies about where blobs lie, or whose client is broken, harms nobody else: whoever comes first, and whatever ends between. */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import { createS3Store } from "@spell/object-store/s3";
import { buildPack, digestOf, encodeNode } from "@spell/spellfs";
import type { StoredObject, TreeCommit } from "@spell/spellfs";
import { startMinio } from "@spell/testing";
import { describe, expect, it } from "vitest";
import type { FalseClaim } from "./claims.ts";
import { openWorld } from "./test-support/world.ts";
import type { World } from "./test-support/world.ts";
import { TreeCatalog } from "./tree-catalog.ts";
import type { Committer } from "./tree-catalog.ts";

const MIB = 1024 * 1024;
const LIAR: Committer = { userName: "liar", isClaimant: true };
const HONEST: Committer = { userName: "ann", isClaimant: true };
const THIRD: Committer = { userName: "bob", isClaimant: true };

/** More than is read whole at a commit, so that its place is a claim. */
const weights = (name: string): Buffer => Buffer.alloc(300 * 1024, name);

interface Upload {
  commit: TreeCommit;
  object: StoredObject;
  body: Buffer;
  file: Digest;
}

/** A tree of one file, in a pack with its node; nothing is stored yet. */
function uploadOf(content: Buffer): Upload {
  const file = digestOf(content);
  const node = encodeNode([{ kind: "file", name: "f", sizeBytes: content.length, digest: file, executable: false }]);
  const root = digestOf(node);
  const pack = buildPack([
    { digest: root, bytes: node },
    { digest: file, bytes: content },
  ]);
  const objectKey = `packs/${randomUUID()}`;
  const object = { objectKey, sizeBytes: pack.content.byteLength, blobs: pack.blobs };
  return { commit: { root, objects: [object], nodes: [node] }, object, body: Buffer.from(pack.content), file };
}

/** The same with other bytes where the file should be; its footer says what the commit says. */
function lying(upload: Upload): Upload {
  const body = Buffer.from(upload.body);
  const [, place] = upload.object.blobs;
  body.fill("lie", place?.offset, (place?.offset ?? 0) + (place?.sizeBytes ?? 0));
  return { ...upload, body };
}

async function send(world: World, upload: Upload, committer: Committer, trees = world.trees): Promise<void> {
  await world.objects.put(upload.object.objectKey, upload.body);
  await trees.commitTree(upload.commit, committer);
}

async function missing(trees: TreeCatalog, upload: Upload, committer: Committer): Promise<string[]> {
  const asked = [upload.commit.root, upload.file];
  const answer = await trees.findMissing(asked, 1, { committer, nodes: 1 });
  return answer.missing.map((digest) => (digest === upload.file ? "file" : "root"));
}

async function contentOf(trees: TreeCatalog, { commit }: Upload): Promise<Buffer> {
  const entry = await trees.find(commit.root, "f");
  if (entry?.kind !== "file") throw new Error("no file");
  const parts: Uint8Array[] = [];
  for await (const part of trees.readFile(entry.digest)) parts.push(part);
  return Buffer.concat(parts);
}

/** A coordinator that has just been started on what an earlier one left. */
function restarted(world: World, objects: ObjectStore = world.objects): { trees: TreeCatalog; lies: FalseClaim[] } {
  const lies: FalseClaim[] = [];
  return { trees: new TreeCatalog(world.store, objects, undefined, (claim) => lies.push(claim)), lies };
}

describe("where a user says that a blob lies", () => {
  it("counts for him at once, without the file being read", async () => {
    await using world = await openWorld();
    const upload = uploadOf(Buffer.alloc(3 * MIB, "w"));
    let readBytes = 0;
    const counted: ObjectStore = {
      ...world.objects,
      get: async (key, range) => {
        const bytes = await world.objects.get(key, range);
        readBytes += bytes.byteLength;
        return bytes;
      },
    };
    const { trees } = restarted(world, counted);
    await send(world, upload, HONEST, trees);
    expect(await missing(trees, upload, HONEST)).toEqual([]);
    // The node and the footer alone.
    expect(readBytes).toBeLessThan(500);
    expect(await contentOf(trees, upload)).toEqual(Buffer.alloc(3 * MIB, "w"));
  });

  it("counts for others once somebody else has wanted it, and is read once for that", async () => {
    await using world = await openWorld();
    const first = uploadOf(weights("w"));
    await send(world, first, HONEST);
    const read: string[] = [];
    const watched: ObjectStore = {
      ...world.objects,
      get: (key, range) => (read.push(key), world.objects.get(key, range)),
    };
    const { trees, lies } = restarted(world, watched);
    // Of the folder it is not known yet that all below it is there; it comes inline.
    expect(await missing(trees, first, THIRD)).toEqual(["root"]);
    expect(await missing(trees, first, THIRD)).toEqual(["root"]);
    expect(read).toEqual([first.object.objectKey]);
    const [node = new Uint8Array()] = first.commit.nodes;
    const small = buildPack([{ digest: first.commit.root, bytes: node }]);
    const object = { objectKey: `packs/${randomUUID()}`, sizeBytes: small.content.byteLength, blobs: small.blobs };
    await world.objects.put(object.objectKey, small.content);
    await trees.commitTree({ ...first.commit, objects: [object] }, THIRD);
    for (const anybody of [HONEST, THIRD, LIAR]) expect(await missing(trees, first, anybody)).toEqual([]);
    expect(lies).toEqual([]);
  });

  it.each(["in one process", "with a crash in between"])(
    "is no harm when it is a lie, before the truth: %s",
    async (how) => {
      await using world = await openWorld();
      const honest = uploadOf(weights("w"));
      await send(world, lying(uploadOf(weights("w"))), LIAR);
      const { trees, lies } = restarted(world);
      expect(await missing(trees, honest, LIAR)).toEqual([]);
      expect(await missing(trees, honest, HONEST)).toEqual(["root", "file"]);
      expect(lies).toMatchObject([{ userName: "liar", digest: honest.file }]);
      await world.objects.put(honest.object.objectKey, honest.body);
      const next = how === "in one process" ? trees : restarted(world).trees;
      await next.commitTree(honest.commit, HONEST);
      expect(await contentOf(trees, honest)).toEqual(weights("w"));
      for (const anybody of [HONEST, THIRD, LIAR]) expect(await missing(trees, honest, anybody)).toEqual([]);
    },
  );

  it("is refused when it is a lie, after the truth", async () => {
    await using world = await openWorld();
    const honest = uploadOf(weights("w"));
    await send(world, honest, HONEST);
    const before = await world.store.findBlobs([honest.commit.root, honest.file]);
    for (let again = 0; again < 2; again += 1) {
      await expect(send(world, lying(uploadOf(weights("w"))), LIAR)).rejects.toMatchObject({
        ...{ code: "invalid-input", reason: "bad-blob-place" },
        message: expect.stringMatching(
          /^Blob [0-9a-f]{64} does not lie in object packs\/.* where it is said to: upload it again\.$/,
        ),
      });
    }
    expect(await world.store.findBlobs([honest.commit.root, honest.file])).toEqual(before);
    expect(await contentOf(world.trees, honest)).toEqual(weights("w"));
  });

  it("is sorted out when truth and lie arrive at the same moment", async () => {
    await using world = await openWorld();
    for (const liarFirst of [true, false]) {
      const content = weights(String(liarFirst));
      const [truth, lie] = [uploadOf(content), lying(uploadOf(content))];
      const [honest, liar] = [() => send(world, truth, HONEST), () => send(world, lie, LIAR)];
      const outcomes = await Promise.allSettled((liarFirst ? [liar, honest] : [honest, liar]).map((begin) => begin()));
      expect(outcomes[liarFirst ? 1 : 0]).toMatchObject({ status: "fulfilled" });
      expect(await contentOf(world.trees, truth)).toEqual(content);
    }
  });

  it("does not hide that somebody else's folder cannot be counted on", async () => {
    await using world = await openWorld();
    const lie = lying(uploadOf(weights("w")));
    await send(world, lie, LIAR);
    // A commit that brings nothing but names what the liar has.
    const above = encodeNode([{ kind: "directory", name: "d", digest: lie.commit.root }]);
    const commit = { root: digestOf(above), objects: [], nodes: [above] };
    const pack = { content: above, blobs: [{ digest: commit.root, offset: 0, sizeBytes: above.byteLength }] };
    for (const other of [HONEST, undefined]) {
      await expect(world.trees.commitTree({ ...commit, pack }, other)).rejects.toMatchObject({ code: "invalid-input" });
    }
    expect(await world.trees.hasTree(commit.root)).toBe(false);
    const root = await world.trees.wrap("code", lie.commit.root);
    expect((await world.trees.findMissing([root], 1, { committer: HONEST })).missing).toEqual([root]);
  });

  it("gives way to what an agent or the coordinator itself has stored", async () => {
    await using world = await openWorld();
    for (const name of ["agent", "coordinator"]) {
      const honest = uploadOf(weights(name));
      await send(world, lying(uploadOf(weights(name))), LIAR);
      await send(world, honest, name === "agent" ? { userName: "ann", isClaimant: false } : { isClaimant: false });
      expect(await contentOf(world.trees, honest)).toEqual(weights(name));
      expect(await missing(world.trees, honest, THIRD)).toEqual([]);
    }
  });

  it("about a file of a folder's bytes keeps nobody from that folder", async () => {
    await using world = await openWorld();
    const honest = uploadOf(weights("w"));
    await send(world, uploadOf(Buffer.from(honest.commit.nodes[0] ?? "")), LIAR);
    expect(await world.store.findBlobs([honest.commit.root])).toHaveLength(1);
    expect(await missing(world.trees, honest, HONEST)).toEqual(["root", "file"]);
    await send(world, honest, HONEST);
    expect(await missing(world.trees, honest, HONEST)).toEqual([]);
    expect(await contentOf(world.trees, honest)).toEqual(weights("w"));
  });

  it("is worth the same on an S3 store", async () => {
    await using minio = await startMinio();
    await using world = await openWorld();
    const objects = createS3Store({ ...minio, bucket: "spell" });
    await objects.ensureBucket();
    const { trees, lies } = restarted(world, objects);
    const sendTo = async (upload: Upload, committer: Committer): Promise<void> => {
      await objects.put(upload.object.objectKey, upload.body);
      await trees.commitTree(upload.commit, committer);
    };
    const [honest, cut] = [uploadOf(weights("w")), uploadOf(weights("c"))];
    await sendTo(lying(uploadOf(weights("w"))), LIAR);
    await sendTo(cut, LIAR);
    await objects.put(cut.object.objectKey, cut.body.subarray(0, 1_000));
    for (const upload of [honest, cut]) expect(await missing(trees, upload, HONEST)).toEqual(["root", "file"]);
    expect(lies.map(({ userName }) => userName)).toEqual(["liar", "liar"]);
    await sendTo(honest, HONEST);
    await expect(sendTo(lying(uploadOf(weights("w"))), THIRD)).resolves.toBeUndefined();
    expect(await missing(trees, honest, THIRD)).toEqual([]);
    expect(await contentOf(trees, honest)).toEqual(weights("w"));
  }, 90_000);

  it("is no truth when its object has gone or was cut off", async () => {
    await using world = await openWorld();
    for (const left of [undefined, 1_000]) {
      const upload = uploadOf(weights(`left ${left}`));
      await send(world, upload, LIAR);
      await world.objects.delete(upload.object.objectKey);
      if (left !== undefined) await world.objects.put(upload.object.objectKey, upload.body.subarray(0, left));
      expect(await missing(restarted(world).trees, upload, HONEST)).toEqual(["root", "file"]);
    }
  });
});

describe("a commit of a user", () => {
  const [small, large] = [Buffer.from("some text"), weights("w")];
  const swapped = (upload: Upload, at: number, over: object): Upload => {
    const blobs = upload.object.blobs.map((blob, index) => (index === at ? { ...blob, ...over } : blob));
    const object = { ...upload.object, blobs };
    return { ...upload, object, commit: { ...upload.commit, objects: [object] } };
  };
  const flipped = (upload: Upload, at: number): Upload => {
    const body = Buffer.from(upload.body);
    const index = at < 0 ? body.length + at : at;
    body[index] = (body[index] ?? 0) ^ 1;
    return { ...upload, body };
  };

  /** As a former version wrote it. */
  const bare = (upload: Upload): Upload => {
    const sizeBytes = upload.object.blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
    const object = { ...upload.object, sizeBytes };
    return {
      ...upload,
      object,
      commit: { ...upload.commit, objects: [object] },
      body: upload.body.subarray(0, sizeBytes),
    };
  };

  it("may be of a pack without a footer, as a former version writes it", async () => {
    await using world = await openWorld();
    for (const content of [small, large]) {
      const upload = bare(uploadOf(content));
      await send(world, upload, HONEST);
      expect(await contentOf(world.trees, upload)).toEqual(content);
    }
  });

  it.each<[string, Upload, string]>([
    ["a small file whose digest lies", lying(uploadOf(small)), "bad-blob-place"],
    ["a small file whose size lies", swapped(uploadOf(small), 1, { sizeBytes: 8 }), "bad-blob-place"],
    ["a folder whose bytes lie elsewhere", swapped(uploadOf(large), 0, { offset: 1 }), "bad-pack-footer"],
    ["the same and no footer", bare(swapped(uploadOf(large), 0, { offset: 1 })), "bad-blob-place"],
    ["a folder whose size lies", swapped(uploadOf(large), 0, { sizeBytes: 8 }), "bad-blob-place"],
    ["a damaged folder", flipped(uploadOf(large), 20), "bad-blob-place"],
    ["a damaged footer", flipped(uploadOf(large), -50), "bad-pack-footer"],
    ["a small pack with a damaged footer", flipped(uploadOf(small), -1), "bad-pack-footer"],
    ["a pack whose end is no footer", flipped(uploadOf(large), -3), "bad-pack-footer"],
    ["a footer that says something else", swapped(uploadOf(large), 1, { digest: digestOf(small) }), "bad-pack-footer"],
  ])("with %s is refused, and nothing of it is stored", async (_name, upload, reason) => {
    await using world = await openWorld();
    await expect(send(world, upload, LIAR)).rejects.toMatchObject({ code: "invalid-input", reason });
    expect(await world.store.findBlobs([upload.commit.root, upload.file, digestOf(small)])).toEqual([]);
    expect(await world.trees.hasTree(upload.commit.root)).toBe(false);
  });
});
