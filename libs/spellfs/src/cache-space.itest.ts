/** The bounded cache: what leaves, what stays, and what a crash or a full disk leaves behind. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Digest } from "@spell/domain";
import { openTreeCache } from "./cache.ts";
import type { TreeCache, TreeCacheOptions } from "./cache.ts";
import { digestOf } from "./node.ts";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { CacheWorld, quick } from "./test-support/cache-world.ts";

const MIB = 1024 * 1024;
const sha = (text: string | Buffer): Digest => digestOf(Buffer.from(text));

/** Trees of one file of 1 MiB each, and a way to say when they were used last. */
class Trees extends CacheWorld {
  readonly roots: Digest[] = [];

  async fill(cache: TreeCache, letters: string): Promise<void> {
    for (const letter of letters) {
      const { root } = await this.store({ file: Buffer.alloc(MIB, letter) });
      await cache.ensureTree(root, this.transport, quick);
      this.roots.push(root);
    }
    this.roots.forEach((root, index) => this.usedHoursAgo(root, 100 - index));
  }

  usedHoursAgo(root: Digest, hours: number): void {
    const at = Date.now() / 1000 - hours * 3600;
    utimesSync(this.treePath(root), at, at);
    // A blob is never used later than the tree that links it alone.
    for (const path of this.blobPaths()) utimesSync(path, 1, 1);
  }

  blobPaths(): string[] {
    return readdirSync(join(this.cachePath, "blobs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.includes("/"))
      .map((name) => join(this.cachePath, "blobs", name));
  }

  treePath(root: Digest): string {
    return join(this.cachePath, "trees", root);
  }

  /** Which trees are here, by their number. */
  here(): number[] {
    return this.roots.flatMap((root, index) => (existsSync(this.treePath(root)) ? [index] : []));
  }

  openWith(options: Partial<TreeCacheOptions>): Promise<TreeCache> {
    return openTreeCache({ directory: this.cachePath, ...options });
  }

  static override async make(): Promise<Trees> {
    const world = await CacheWorld.make();
    return new Trees(world.server, world.folder);
  }
}

describe("a cache with a limit", () => {
  test("gives room before it fetches: the least recently used leaves, with the blobs that only it links", async () => {
    await using world = await Trees.make();
    const evictions: number[] = [];
    const cache = await world.openWith({ limitBytes: 4.5 * MIB, onEvicted: (each) => evictions.push(each.freedBytes) });
    await world.fill(cache, "abcd");
    // Used again: not the oldest any more.
    await cache.ensureTree(world.roots[0] ?? sha(""), world.transport, quick);
    world.server.onRequest = (method) => {
      if (method === "GET") expect(readdirSync(join(world.cachePath, "trees")).length).toBeLessThan(4);
    };
    const { root } = await world.store({ file: Buffer.alloc(MIB, "e") });
    await cache.ensureTree(root, world.transport, quick);
    expect(world.here()).toEqual([0, 2, 3]);
    expect(evictions).toEqual([MIB]);
    expect(world.blobPaths()).toHaveLength(4);
    expect(await cache.size()).toEqual({ sizeBytes: 4 * MIB, limitBytes: 4.5 * MIB });
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("counts a blob once however many trees link it, and keeps what another tree still links", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({});
    const shared = Buffer.alloc(2 * MIB, "s");
    for (const own of ["1", "2"]) {
      const { root } = await world.store({ shared, own: Buffer.alloc(MIB, own) });
      world.roots.push(root);
      await cache.ensureTree(root, world.transport, quick);
    }
    expect((await cache.size()).sizeBytes).toBe(4 * MIB);
    const [old = sha(""), young = sha("")] = world.roots;
    world.usedHoursAgo(old, 9);
    const smaller = await world.openWith({ limitBytes: 3.5 * MIB });
    await smaller.trim();
    expect(world.here()).toEqual([1]);
    expect((await smaller.size()).sizeBytes).toBe(3 * MIB);
    const path = await smaller.ensureTree(young, world.transport, quick);
    expect(readFileSync(join(path, "shared")).equals(shared)).toBe(true);
  });

  test("never removes what is held, grows beyond the limit instead, and shrinks when it is released", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({ limitBytes: 2.5 * MIB });
    const held = Array.from("abcd", (letter) => sha(Buffer.alloc(MIB, letter)));
    for (const letter of "abcd") {
      const { root } = await world.store({ file: Buffer.alloc(MIB, letter) });
      world.roots.push(root);
      cache.hold(`attempt ${letter}`, { trees: [root], blobs: [] });
      await cache.ensureTree(root, world.transport, quick);
    }
    await cache.trim();
    expect(world.here()).toEqual([0, 1, 2, 3]);
    expect(held.every((digest) => cache.hasBlob(digest))).toBe(true);
    cache.release("attempt b");
    cache.release("attempt c");
    await cache.trim();
    expect(world.here()).toEqual([0, 3]);
  });

  test("a clock that was set back: what is used again from now on counts by the new time, held things stay", async () => {
    await using world = await Trees.make();
    const before = await world.openWith({});
    await world.fill(before, "abc");
    const [first = sha(""), second = sha(""), third = sha("")] = world.roots;
    // Used when the clock was a day ahead.
    for (const root of [first, second]) world.usedHoursAgo(root, -24);
    world.usedHoursAgo(third, 1);
    const cache = await world.openWith({ limitBytes: 1.5 * MIB });
    cache.hold("attempt", { trees: [third], blobs: [] });
    await cache.ensureTree(first, world.transport, quick);
    await cache.trim();
    // The one that seems to be used tomorrow is no more than the youngest; the oldest by its time is held.
    expect(world.here()).toContain(2);
    await cache.ensureTree(second, world.transport, quick);
    expect(readFileSync(join(world.treePath(second), "file")).equals(Buffer.alloc(MIB, "b"))).toBe(true);
  });

  test("keeps a single file that is held, and lets an unused one go", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({ limitBytes: 1.5 * MIB });
    const [kept, left] = [Buffer.alloc(MIB, "k"), Buffer.alloc(MIB, "l")];
    await world.store({ kept, left });
    cache.hold("attempt", { trees: [], blobs: [sha(kept)] });
    for (const bytes of [kept, left]) {
      await cache.ensureFile({ digest: sha(bytes), executable: false }, world.transport, quick);
    }
    await cache.trim();
    expect([kept, left].map((bytes) => cache.hasBlob(sha(bytes)))).toEqual([true, false]);
  });

  test("does not take a blob away from a tree in the making", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({ limitBytes: 2.5 * MIB });
    const here = Buffer.alloc(MIB, "h");
    const path = join(world.folder.path, "output");
    writeFileSync(path, here);
    await cache.adopt({ path, digest: sha(here), executable: false });
    // The larger part does not fit beside the loose blob, which the same tree needs.
    const { root } = await world.store({ here, large: Buffer.alloc(2 * MIB, "L") });
    const tree = await cache.ensureTree(root, world.transport, quick);
    expect(readFileSync(join(tree, "here")).equals(here)).toBe(true);
    expect(world.server.requests.filter(({ method }) => method === "GET")).toHaveLength(1);
  });

  test("remembers across a restart what was used when, whatever times an output has", async () => {
    await using world = await Trees.make();
    const before = await world.openWith({});
    await world.fill(before, "abc");
    await before.ensureTree(world.roots[0] ?? sha(""), world.transport, quick);
    const output = join(world.folder.path, "output");
    writeFileSync(output, Buffer.alloc(MIB, "o"));
    utimesSync(output, 4e9, 1e9);
    await before.adopt({ path: output, digest: sha(Buffer.alloc(MIB, "o")), executable: false });
    const blob = world.blobPath(sha(Buffer.alloc(MIB, "o")));
    expect([statSync(blob).atimeMs <= Date.now(), statSync(blob).mtimeMs]).toEqual([true, 1e12]);
    const after = await world.openWith({ limitBytes: 2.2 * MIB });
    await after.trim();
    expect(world.here()).toEqual([0]);
    expect(after.hasBlob(sha(Buffer.alloc(MIB, "o")))).toBe(true);
  });

  test("counts what sparse files take on the disk, not what they seem to hold", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({ limitBytes: MIB });
    const output = join(world.folder.path, "sparse");
    execFileSync("truncate", ["-s", "64M", output]);
    await cache.adopt({ path: output, digest: sha(Buffer.alloc(64 * MIB)), executable: false });
    expect((await cache.size()).sizeBytes).toBeLessThan(MIB);
    await cache.trim();
    expect(cache.hasBlob(sha(Buffer.alloc(64 * MIB)))).toBe(true);
  });

  test("gives way to other work while it looks through many blobs and removes them", async () => {
    await using world = await Trees.make();
    const cache = await world.openWith({ limitBytes: MIB });
    mkdirSync(join(world.folder.path, "many"));
    for (let each = 0; each < 3_000; each += 1) {
      const path = join(world.folder.path, "many", String(each));
      writeFileSync(path, String(each));
      await cache.adopt({ path, digest: sha(String(each)), executable: false });
    }
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    await cache.trim();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    expect((await cache.size()).sizeBytes).toBeLessThanOrEqual(MIB);
    expect(world.blobPaths().length).toBeGreaterThan(100);
  });

  test("a crash while a tree is being removed leaves a whole cache", async () => {
    await using world = await Trees.make();
    await world.fill(await world.openWith({}), "ab");
    // As it is after a kill between the rename and the end of the removal.
    const half = join(world.cachePath, "tmp", "evicted-half");
    execFileSync("mv", [world.treePath(world.roots[0] ?? sha("")), half]);
    const cache = await world.openWith({});
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
    for (const root of world.roots) {
      const path = await cache.ensureTree(root, world.transport, quick);
      expect((await snapshotDirectory({ directory: path, gitAware: false })).root).toBe(root);
    }
    expect(world.server.count("GET")).toBe(2);
  });
});

describe.skipIf(process.getuid?.() !== 0)("a small disk (root mounts one)", () => {
  test("what nobody uses leaves when the disk is full, and then it goes on", async () => {
    await using world = await Trees.make();
    mkdirSync(world.cachePath);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", world.cachePath]);
    try {
      const cache = await world.openWith({ limitBytes: 100 * MIB });
      await world.fill(cache, "abcd");
      const { root } = await world.store({ file: Buffer.alloc(3 * MIB, "e") });
      await cache.ensureTree(root, world.transport, quick);
      expect(world.here()).toEqual([2, 3]);
      cache.hold("attempt", { trees: [root], blobs: [] });
      const more = await world.store({ file: Buffer.alloc(5 * MIB, "f") });
      const failed = cache.ensureTree(more.root, world.transport, quick);
      await expect(failed).rejects.toMatchObject({ code: "exhausted", reason: "disk-full" });
      await expect(failed).rejects.toThrow(`the disk of "${world.cachePath}", also after the cache`);
      expect(existsSync(world.treePath(root))).toBe(true);
    } finally {
      execFileSync("umount", [world.cachePath]);
    }
  });
});
