import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { waitFor } from "@spell/testing";
import { digestOf, encodeNode } from "./node.ts";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { CacheWorld, quick } from "./test-support/cache-world.ts";
import type { MemoryTransport } from "./test-support/memory-transport.ts";
import type { ObjectSource } from "./transport.ts";

const MIB = 1024 * 1024;
const sha = (text: string | Buffer) => digestOf(Buffer.from(text));

describe("ensuring a tree", () => {
  test("gives the very tree: bytes, modes, links, empty folders", async () => {
    await using world = await CacheWorld.make();
    const big = Buffer.alloc(2 * MIB + 3, "xyz");
    const { root } = await world.store({ a: "1", "d/run": "1", "d/e/empty": "", big: big, "none/x": "" }, (path) => {
      chmodSync(join(path, "d/run"), 0o755);
      symlinkSync("../a", join(path, "d/link"));
      rmSync(join(path, "none/x"));
    });
    const cache = await world.open();
    const path = await cache.ensureTree(root, world.transport, quick);
    const again = await snapshotDirectory({ directory: path, gitAware: false });
    expect(again.root).toBe(root);
    expect(readFileSync(join(path, "big")).equals(big)).toBe(true);
    expect(statSync(join(path, "a")).mode & 0o777).toBe(0o444);
    expect(statSync(join(path, "d/run")).mode & 0o777).toBe(0o555);
    expect(readlinkSync(join(path, "d/link"))).toBe("../a");
    expect(statSync(join(path, "a")).ino).toBe(statSync(world.blobPath(sha("1"))).ino);
  });

  test("reads neighbours together, and nothing that is here already", async () => {
    await using world = await CacheWorld.make();
    const first = await world.store(
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, `text ${index}`])),
    );
    const cache = await world.open();
    await cache.ensureTree(first.root, world.transport, quick);
    expect(world.server.count("GET")).toBe(1);
    const second = await world.store({ ...Object.fromEntries([["f0", "text 0"]]), new: "new" });
    await cache.ensureTree(second.root, world.transport, quick);
    expect(world.server.count("GET")).toBe(2);
    const calls = world.transport.calls.length;
    await cache.ensureTree(second.root, world.transport, quick);
    expect(world.transport.calls).toHaveLength(calls);
  });

  test("concurrent calls do it once; one who gives up does not spoil it for the others", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "1", b: Buffer.alloc(2 * MIB) });
    const cache = await world.open();
    const givesUp = new AbortController();
    const calls = [
      cache.ensureTree(root, world.transport, { ...quick, signal: givesUp.signal }),
      ...Array.from({ length: 5 }, () => cache.ensureTree(root, world.transport, quick)),
    ];
    givesUp.abort(new Error("enough"));
    const [first, ...others] = await Promise.allSettled(calls);
    expect(first).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    expect(others.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "fulfilled"));
    expect(world.server.count("GET")).toBe(2);
    expect(world.transport.calls.filter((call) => call === "readTree")).toHaveLength(1);
  });

  test("two trees that share blobs fetch each once", async () => {
    await using world = await CacheWorld.make();
    const shared = Buffer.alloc(2 * MIB, "s");
    const one = await world.store({ shared, own: "1" });
    const two = await world.store({ shared, own: "2" });
    const cache = await world.open();
    await Promise.all([one, two].map(({ root }) => cache.ensureTree(root, world.transport, quick)));
    expect(world.server.count("GET")).toBe(3);
  });

  test("trees that are made at the same time share the small files they have in common", async () => {
    await using world = await CacheWorld.make();
    const names = Array.from({ length: 40 }, (_, index) => `shared-${index}`);
    const shared = Object.fromEntries(names.map((name) => [name, `bytes of ${name}`]));
    const trees = [await world.store({ ...shared, own: "1" }), await world.store({ ...shared, own: "2" })];
    const cache = await world.open();
    const paths = await Promise.all(trees.map(({ root }) => cache.ensureTree(root, world.transport, quick)));
    for (const name of names) {
      const [one, two] = paths.map((path) => statSync(join(path, name)));
      expect(one).toMatchObject({ ino: two?.ino, nlink: 3 });
    }
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("stops working when everybody has given up, and leaves nothing behind", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "1" });
    const cache = await world.open();
    const enough = new AbortController();
    world.server.faults.GET.push({ kind: "hang" });
    world.server.onRequest = (method) => void (method === "GET" && enough.abort(new Error("enough")));
    await expect(cache.ensureTree(root, world.transport, { ...quick, signal: enough.signal })).rejects.toThrow(
      "enough",
    );
    await cache.ensureTree(root, world.transport, quick);
    await waitFor("an empty folder of unfinished things", () => readdirSync(join(world.cachePath, "tmp")).length === 0);
  });

  test("an unknown tree is what the transport says", async () => {
    await using world = await CacheWorld.make();
    const cache = await world.open();
    await expect(cache.ensureTree(sha("none"), world.transport, quick)).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("a store that misbehaves", () => {
  test.each([
    [
      "500 then success",
      [
        { kind: "status", status: 500 },
        { kind: "status", status: 503 },
      ],
    ],
    [
      "a short read",
      [
        { kind: "cut", afterBytes: 3 },
        { kind: "cut", afterBytes: 0 },
      ],
    ],
    ["wrong bytes once", [{ kind: "corrupt" }]],
    ["a range that is ignored", [{ kind: "ignore-range" }]],
    ["a store that stands still in between", [{ kind: "stall", afterBytes: 4 }]],
  ] as const)("%s: the tree comes all the same", async (_what, faults) => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "111", b: "222", c: "333" });
    const cache = await world.open();
    world.server.faults.GET.push(...faults);
    const path = await cache.ensureTree(root, world.transport, quick);
    expect((await snapshotDirectory({ directory: path, gitAware: false })).root).toBe(root);
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test.each([["small", "abc"], ["large", Buffer.alloc(2 * MIB, "L")]])(
    "wrong bytes twice (%s): data-loss naming the digest, nothing published",
    async (_what, bytes) => {
      await using world = await CacheWorld.make();
      const { root } = await world.store({ file: bytes });
      const cache = await world.open();
      world.server.faults.GET.push({ kind: "corrupt" }, { kind: "corrupt" });
      const failed = cache.ensureTree(root, world.transport, quick);
      await expect(failed).rejects.toMatchObject({ code: "data-loss" });
      await expect(failed).rejects.toThrow(sha(bytes));
      expect(cache.hasBlob(sha(bytes))).toBe(false);
      expect(readdirSync(join(world.cachePath, "trees"))).toEqual([]);
      expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
    },
  ); // prettier-ignore

  test("a place that lies about a blob's size", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "111", b: "222" });
    const place = world.transport.places.get(sha("111"));
    if (place !== undefined) world.transport.places.set(sha("111"), { ...place, sizeBytes: 0 });
    const cache = await world.open();
    await expect(cache.ensureTree(root, world.transport, quick)).rejects.toMatchObject({ code: "data-loss" });
  });

  test("nodes that lie about a file's size", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "111" });
    const lie = encodeNode([{ kind: "file", name: "a", executable: false, sizeBytes: 5, digest: sha("111") }]);
    const two = encodeNode([
      { kind: "file", name: "a", executable: false, sizeBytes: 3, digest: sha("111") },
      { kind: "file", name: "b", executable: true, sizeBytes: 5, digest: sha("111") },
    ]);
    const cache = await world.open();
    for (const node of [lie, two]) {
      world.transport.nodes.set(digestOf(node), node);
      const failed = cache.ensureTree(digestOf(node), world.transport, quick);
      await expect(failed).rejects.toMatchObject({ code: "data-loss", reason: "wrong-bytes" });
    }
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
    await cache.ensureTree(root, world.transport, quick);
  });

  test("URLs that expire on the way are asked for anew; ones that never work are not asked for forever", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: Buffer.alloc(MIB, "a"), b: Buffer.alloc(MIB, "b") });
    const cache = await world.open();
    const expired = { kind: "status", status: 403 } as const;
    const failed = cache.ensureTree(root, { ...bound(world.transport) }, quick);
    world.server.faults.GET.push(expired, expired);
    await expect(failed).rejects.toMatchObject({ code: "unavailable", reason: "object-store-refused" });
    await cache.ensureFile({ digest: sha(Buffer.alloc(MIB, "a")), executable: false }, world.transport, quick);
    const path = await cache.ensureTree(root, world.transport, quick);
    expect(readdirSync(path)).toEqual(["a", "b"]);
  });

  test("a coordinator that leaves out a node", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ "d/a": "1" });
    const transport = bound(world.transport);
    const cache = await world.open();
    const readTree: typeof transport.readTree = async function* (request) {
      for await (const part of world.transport.readTree(request)) yield { ...part, nodes: part.nodes.slice(0, 0) };
    };
    await expect(cache.ensureTree(root, { ...transport, readTree }, quick)).rejects.toMatchObject({
      code: "data-loss",
    });
  });
});

describe("a large file", () => {
  const bytes = Buffer.alloc(20 * MIB + 5, "a large file, ");

  test.each([
    ["whole", []],
    ["wrong bytes once", [{ kind: "corrupt" }]],
    ["answers that break off, and one that is refused for a while", [{ kind: "cut", afterBytes: 7 }, { kind: "status", status: 503 }, { kind: "cut", afterBytes: MIB }]],
    ["a store that stands still, and sends everything then", [{ kind: "stall", afterBytes: MIB }, { kind: "ignore-range" }]],
  ] as const)("%s: it comes", async (_what, faults) => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ large: bytes, small: "1" }, (path) => chmodSync(join(path, "large"), 0o755));
    const cache = await world.open();
    world.server.faults.GET.push(...faults);
    const path = join(await cache.ensureTree(root, world.transport, quick), "large");
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path)).toMatchObject({ nlink: 2, mode: 0o100555 });
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  }); // prettier-ignore

  test("wrong bytes twice: data-loss naming the digest, nothing published", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ large: bytes });
    const cache = await world.open();
    world.server.faults.GET.push(...Array.from({ length: 2 }, () => ({ kind: "corrupt" as const })));
    const failed = cache.ensureTree(root, world.transport, quick);
    await expect(failed).rejects.toMatchObject({ code: "data-loss", message: expect.stringContaining(sha(bytes)) });
    expect(cache.hasBlob(sha(bytes))).toBe(false);
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("an object that is shorter than it was: data-loss", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ large: bytes });
    const cache = await world.open();
    for (const [key, object] of world.server.objects) world.server.objects.set(key, object.subarray(0, 9 * MIB));
    const failed = cache.ensureTree(root, world.transport, quick);
    await expect(failed).rejects.toMatchObject({ code: "data-loss", reason: "wrong-bytes" });
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("who gives up in the middle leaves nothing behind", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ large: bytes });
    const cache = await world.open();
    const enough = new AbortController();
    world.server.faults.GET.push({ kind: "stall", afterBytes: MIB });
    world.server.onRequest = () => void (world.server.count("GET") === 1 && enough.abort(new Error("enough")));
    const given = cache.ensureTree(root, world.transport, { ...quick, signal: enough.signal });
    await expect(given).rejects.toThrow("enough");
    await waitFor("an empty folder of unfinished things", () => readdirSync(join(world.cachePath, "tmp")).length === 0);
  });
});

describe("files and adoption", () => {
  test("a file in either form, fetched once", async () => {
    await using world = await CacheWorld.make();
    await world.store({ a: "abc", empty: "" });
    const cache = await world.open();
    const plain = await cache.ensureFile({ digest: sha("abc"), executable: false }, world.transport, quick);
    const executable = await cache.ensureFile({ digest: sha("abc"), executable: true }, world.transport, quick);
    expect([readFileSync(plain, "utf8"), readFileSync(executable, "utf8")]).toEqual(["abc", "abc"]);
    expect([statSync(plain).mode & 0o777, statSync(executable).mode & 0o777]).toEqual([0o444, 0o555]);
    expect(world.server.count("GET")).toBe(1);
    const empty = await cache.ensureFile({ digest: sha(""), executable: false }, world.transport, quick);
    expect(statSync(empty).size).toBe(0);
  });

  test("what a run wrote is moved in, and mounting it copies and fetches nothing", async () => {
    await using world = await CacheWorld.make();
    const snapshot = await world.store({ "save/model": "weights", log: "l" });
    const cache = await world.open();
    const inode = statSync(join(world.folder.path, "source/save/model")).ino;
    for (const [digest, { path }] of snapshot.files) await cache.adopt({ path, digest, executable: false });
    expect(existsSync(join(world.folder.path, "source/save/model"))).toBe(false);
    const path = await cache.ensureTree(snapshot.root, world.transport, quick);
    expect(statSync(join(path, "save/model")).ino).toBe(inode);
    expect(world.server.count("GET")).toBe(0);
  });

  test("adopting what is here already removes the file; one that is gone is not-found", async () => {
    await using world = await CacheWorld.make();
    const cache = await world.open();
    const path = join(world.folder.path, "out");
    for (let round = 0; round < 2; round += 1) {
      writeFileSync(path, "same");
      const place = await cache.adopt({ path, digest: sha("same"), executable: true });
      expect(readFileSync(place, "utf8")).toBe("same");
      expect(existsSync(path)).toBe(false);
    }
    await expect(cache.adopt({ path, digest: sha("other"), executable: true })).rejects.toMatchObject({
      code: "not-found",
    });
    expect([cache.hasBlob(sha("same")), cache.hasBlob(sha("other"))]).toEqual([true, false]);
  });

  test.skipIf(!existsSync("/dev/shm"))("a file of another disk is copied in", async () => {
    await using world = await CacheWorld.make();
    const cache = await world.open();
    const path = `/dev/shm/spell-adopt-${process.pid}`;
    writeFileSync(path, "elsewhere");
    try {
      const place = await cache.adopt({ path, digest: sha("elsewhere"), executable: false });
      expect(readFileSync(place, "utf8")).toBe("elsewhere");
      expect(existsSync(path)).toBe(false);
    } finally {
      rmSync(path, { force: true });
    }
  });
});

describe("a cache that was damaged", () => {
  test("killed in the middle of a download, it goes on where it was", async () => {
    await using world = await CacheWorld.make();
    const big = Buffer.alloc(4 * MIB, "big");
    const { root } = await world.store({ big, small: "small" });
    const parts: { nodes: Uint8Array[]; objects: ObjectSource[] }[] = [];
    for await (const part of world.transport.readTree({ digest: root, isFile: false })) parts.push(part);
    const given = {
      directory: world.cachePath,
      root,
      nodes: parts.flatMap(({ nodes }) => nodes.map((bytes) => Buffer.from(bytes).toString("base64"))),
      objects: parts.flatMap(({ objects }) => objects),
    };
    const stall = { kind: "stall", afterBytes: 2 * MIB } as const;
    world.server.faults.GET.push(stall, stall);
    const program = fileURLToPath(new URL("./test-support/ensure-tree-main.ts", import.meta.url));
    const child = spawn(process.execPath, [program], { stdio: ["pipe", "ignore", "inherit"] });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    try {
      child.stdin.end(JSON.stringify(given));
      const temporary = join(world.cachePath, "tmp");
      await waitFor(
        "a part of the large file on disk",
        () => existsSync(temporary) && readdirSync(temporary).length > 0,
      );
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    expect(readdirSync(join(world.cachePath, "trees"))).toEqual([]);
    const path = await (await world.open()).ensureTree(root, world.transport, quick);
    expect(readFileSync(join(path, "big")).equals(big)).toBe(true);
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("leftovers of a crash are cleared when it is opened", async () => {
    await using world = await CacheWorld.make();
    await world.open();
    mkdirSync(join(world.cachePath, "tmp/half-made/tree"), { recursive: true });
    writeFileSync(join(world.cachePath, "tmp/half-a-blob"), "x");
    await world.open();
    expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
  });

  test("a truncated blob is fetched again", async () => {
    await using world = await CacheWorld.make();
    const one = await world.store({ a: "whole bytes", b: "other" });
    const two = await world.store({ a: "whole bytes" });
    const cache = await world.open();
    await cache.ensureTree(one.root, world.transport, quick);
    chmodSync(world.blobPath(sha("whole bytes")), 0o644);
    truncateSync(world.blobPath(sha("whole bytes")), 3);
    const path = await cache.ensureTree(two.root, world.transport, quick);
    expect(readFileSync(join(path, "a"), "utf8")).toBe("whole bytes");
  });

  test("after another boot trees are made anew and blobs are hashed once before use", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ sound: "sound", zeroed: "bytes", x: "exec" }, (path) =>
      chmodSync(join(path, "x"), 0o755),
    );
    const before = await world.open();
    await before.ensureTree(root, world.transport, quick);
    // Power loss: the name and the size are there, the bytes are not.
    chmodSync(world.blobPath(sha("bytes")), 0o644);
    writeFileSync(world.blobPath(sha("bytes")), "\0\0\0\0\0");
    writeFileSync(join(world.cachePath, "state.json"), JSON.stringify({ bootId: "another", suspectBeforeMs: 0 }));
    const gets = world.server.count("GET");
    const cache = await world.open();
    const path = await cache.ensureTree(root, world.transport, quick);
    expect(readFileSync(join(path, "zeroed"), "utf8")).toBe("bytes");
    expect((await snapshotDirectory({ directory: path, gitAware: false })).root).toBe(root);
    expect(world.server.count("GET")).toBe(gets + 1);
    const again = await world.open();
    await again.ensureFile({ digest: sha("sound"), executable: false }, world.transport, quick);
    expect(world.server.count("GET")).toBe(gets + 1);
  });

  test("a damaged state file counts as another boot", async () => {
    await using world = await CacheWorld.make();
    const { root } = await world.store({ a: "1" });
    await (await world.open()).ensureTree(root, world.transport, quick);
    writeFileSync(join(world.cachePath, "state.json"), "");
    const cache = await world.open();
    expect(readdirSync(join(world.cachePath, "trees"))).toEqual([]);
    await cache.ensureTree(root, world.transport, quick);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a full disk is `exhausted`, names the folder, and leaves nothing behind (root mounts one)",
    async () => {
      await using world = await CacheWorld.make();
      const { root } = await world.store({ a: Buffer.alloc(3 * MIB, "a"), b: "1" });
      mkdirSync(world.cachePath);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", world.cachePath]);
      try {
        const cache = await world.open();
        const failed = cache.ensureTree(root, world.transport, quick);
        await expect(failed).rejects.toMatchObject({ code: "exhausted", reason: "disk-full" });
        await expect(failed).rejects.toThrow(world.cachePath);
        expect(readdirSync(join(world.cachePath, "tmp"))).toEqual([]);
      } finally {
        execFileSync("umount", [world.cachePath]);
      }
    },
  );

  test("a folder where nothing can be kept is a clear error", async () => {
    await using world = await CacheWorld.make();
    writeFileSync(world.cachePath, "a file");
    await expect(world.open()).rejects.toMatchObject({ code: "unavailable", reason: "disk-error" });
  });
});

/** The transport's calls as plain functions, for a test to replace one. */
function bound(transport: MemoryTransport) {
  return {
    findMissing: transport.findMissing.bind(transport),
    commitTree: transport.commitTree.bind(transport),
    readTree: transport.readTree.bind(transport),
  };
}
