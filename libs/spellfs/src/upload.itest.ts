import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { invalidInput } from "@spell/domain";
import { tempFolder } from "@spell/testing";
import { emptySnapshot, wrap } from "./snapshot.ts";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { MemoryTransport } from "./test-support/memory-transport.ts";
import { ObjectServer } from "./test-support/object-server.ts";
import type { TransferOptions } from "./transfer.ts";
import { uploadTree } from "./upload.ts";

const MIB = 1024 * 1024;
const quick: TransferOptions = { retryDelayMs: 1, retries: 3 };

function write(root: string, files: Record<string, string | Buffer>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
}

/** To the bytes that the snapshot saw. */
function replaceByLink(path: string): void {
  renameSync(path, `${path}.moved`);
  symlinkSync(`${path}.moved`, path);
}

function replaceByPipe(path: string): void {
  rmSync(path);
  execFileSync("mkfifo", [path]);
}

const take = (directory: string) => snapshotDirectory({ directory, gitAware: false });

describe("uploading a tree", () => {
  test("small blobs and nodes share one object; a second upload is one small call", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { a: "1", "b/c": "22", "b/empty": "", "b/same": "1" });
    const transport = new MemoryTransport(server);
    const snapshot = await take(folder.path);
    const result = await uploadTree(snapshot, transport, quick);
    expect(result).toMatchObject({ uploadedBlobs: 5, knownBlobs: 0 });
    expect(server.count("PUT")).toBe(1);
    expect(transport.calls).toEqual(["findMissing", "commitTree"]);
    expect(await uploadTree(snapshot, transport, quick)).toEqual({ uploadedBytes: 0, uploadedBlobs: 0, knownBlobs: 5 });
    expect(transport.calls).toEqual(["findMissing", "commitTree", "findMissing"]);
    expect(transport.nodes.has(snapshot.root)).toBe(true);
  });

  test.each([
    { size: 60 * 1024, calls: ["commitTree"], puts: 0 },
    { size: 70 * 1024, calls: ["findMissing", "commitTree"], puts: 1 },
  ])("in one call if it is small: a file of $size bytes makes $puts objects", async ({ size, calls, puts }) => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { a: "1", "b/c": "x".repeat(size), "b/empty": "", "b/same": "1" });
    const transport = new MemoryTransport(server);
    const snapshot = await take(folder.path);
    await uploadTree(snapshot, transport, { ...quick, smallInOneCall: true });
    expect(transport.calls).toEqual(calls);
    expect(server.count("PUT")).toBe(puts);
    for (const digest of [snapshot.root, ...snapshot.files.keys()]) expect(transport.places.has(digest)).toBe(true);
    appendFileSync(join(folder.path, "a"), "more");
    writeFileSync(join(folder.path, "b/same"), "2");
    const changed = uploadTree(snapshot, new MemoryTransport(server), { ...quick, smallInOneCall: true });
    await expect(changed).rejects.toMatchObject({ code: "conflict", reason: "file-changed" });
  });

  test("begins anew when the store has lost since what it had when it was asked", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { a: "1", "b/c": "22" });
    const transport = new MemoryTransport(server);
    await uploadTree(await take(folder.path), transport, quick);
    write(folder.path, { a: "changed" });
    const snapshot = await take(folder.path);
    let lost = 0;
    const forget = async (): Promise<void> => {
      lost += 1;
      await Promise.resolve();
      throw invalidInput("The tree names a blob that was not uploaded: upload it first.", "missing-blob");
    };
    const commit = transport.commitTree.bind(transport);
    transport.commitTree = async (request) => (lost < 2 ? forget() : commit(request));
    await uploadTree(snapshot, transport, quick);
    expect(transport.nodes.has(snapshot.root)).toBe(true);
    transport.commitTree = forget;
    transport.places.clear();
    await expect(uploadTree(snapshot, transport, quick)).rejects.toMatchObject({ reason: "missing-blob" });
    expect(lost).toBe(5);
  });

  test("an empty tree", async () => {
    await using server = await ObjectServer.start();
    const transport = new MemoryTransport(server);
    await uploadTree(emptySnapshot(), transport, quick);
    expect(transport.nodes.has(emptySnapshot().root)).toBe(true);
  });

  test("large files are objects of their own, with a length and not chunked", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { big: Buffer.alloc(3 * MIB + 1, "b"), small: "s" });
    const transport = new MemoryTransport(server);
    const seen: number[] = [];
    const snapshot = await take(folder.path);
    const result = await uploadTree(snapshot, transport, {
      ...quick,
      onProgress: ({ uploadedBytes }) => seen.push(uploadedBytes),
    });
    expect(server.count("PUT")).toBe(2);
    expect(server.requests.map(({ contentLength }) => Number(contentLength))).toContain(3 * MIB + 1);
    expect(server.requests.every(({ encoding }) => encoding === undefined)).toBe(true);
    expect(seen.at(-1)).toBe(result.uploadedBytes);
  });

  test("packs are what their places say, piece by piece", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const sizes = [0, 1, MIB - 1, MIB - 1, 2, 300_000, 700_000, 500_000, ...Array.from({ length: 40 }, () => 500_000)];
    write(folder.path, Object.fromEntries(sizes.map((size, index) => [`f${index}`, Buffer.alloc(size, index + 1)])));
    const transport = new MemoryTransport(server);
    const snapshot = await take(folder.path);
    await uploadTree(snapshot, transport, quick);
    expect(server.objects.size).toBeGreaterThan(1);
    expect(transport.nodes.has(snapshot.root)).toBe(true);
  });

  test("one changed file of many sends its bytes and the nodes on its path", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(
      folder.path,
      Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`d${index % 10}/f${index}`, `text ${index}`])),
    );
    const transport = new MemoryTransport(server);
    await uploadTree(await take(folder.path), transport, quick);
    write(folder.path, { "d3/f3": "changed" });
    expect(await uploadTree(await take(folder.path), transport, quick)).toMatchObject({ uploadedBlobs: 3 });
    transport.questions.length = 0;
    await uploadTree(await take(folder.path), transport, quick);
    expect(transport.questions).toEqual([11]);
    await uploadTree(wrap("repo", await take(folder.path)), transport, quick);
    expect(transport.nodes.size).toBe(11 + 2 + 1);
  });

  test("asks for more places when the first are used up", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(
      folder.path,
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, Buffer.alloc(MIB, index)])),
    );
    const transport = new MemoryTransport(server);
    await uploadTree(await take(folder.path), transport, quick);
    expect(server.objects.size).toBe(10);
  });

  test("goes on after 500, 429 and a store that hangs", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { big: Buffer.alloc(2 * MIB, "b") });
    server.faults.PUT.push({ kind: "status", status: 500 }, { kind: "status", status: 429 }, { kind: "hang" });
    const transport = new MemoryTransport(server);
    const snapshot = await take(folder.path);
    await uploadTree(snapshot, transport, { ...quick, stallTimeoutMs: 300 });
    expect(transport.nodes.has(snapshot.root)).toBe(true);
  });

  test("takes a fresh place when a URL has expired", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { a: "1" });
    server.faults.PUT.push({ kind: "status", status: 403 });
    const transport = new MemoryTransport(server);
    await uploadTree(await take(folder.path), transport, quick);
    expect([...server.objects.keys()]).toEqual(["object-2"]);
  });

  test("gives up after the last attempt without committing, and keeps the URL's signature to itself", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(folder.path, { a: "1" });
    for (let count = 0; count < 4; count += 1) server.faults.PUT.push({ kind: "status", status: 503 });
    const transport = new MemoryTransport(server);
    const failed = uploadTree(await take(folder.path), transport, quick);
    await expect(failed).rejects.toMatchObject({ code: "unavailable" });
    await expect(failed).rejects.toThrow(/4 times.*503 \(SlowDown\)/);
    await expect(failed).rejects.not.toThrow(/secret/);
    expect(transport.calls).toEqual(["findMissing"]);
  });

  test.each([400, 404])("a refusal (%i) is not repeated", async (status) => {
    await using server = await ObjectServer.start();
    server.faults.PUT.push({ kind: "status", status });
    const failed = uploadTree(emptySnapshot(), new MemoryTransport(server), quick);
    await expect(failed).rejects.toMatchObject({ code: "unavailable", reason: "object-store-refused" });
    expect(server.count("PUT")).toBe(1);
  });

  test.each([
    ["small, changed", 10, (path: string) => writeFileSync(path, "other size")],
    ["small, gone", 10, (path: string) => rmSync(path)],
    ["large, other bytes", 2 * MIB, (path: string) => writeFileSync(path, Buffer.alloc(2 * MIB, "x"))],
    ["large, shorter", 2 * MIB, (path: string) => writeFileSync(path, Buffer.alloc(2 * MIB - 1, "f"))],
    ["large, gone", 2 * MIB, (path: string) => rmSync(path)],
    ["small, a link", 10, (path: string) => replaceByLink(path)],
    ["large, a link", 2 * MIB, (path: string) => replaceByLink(path)],
    ["small, a FIFO", 10, (path: string) => replaceByPipe(path)],
    ["large, a FIFO", 2 * MIB, (path: string) => replaceByPipe(path)],
  ])("a file that is not what the snapshot saw: %s", async (_what, sizeBytes, change) => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const path = join(folder.path, "file");
    writeFileSync(path, Buffer.alloc(sizeBytes, "f"));
    const snapshot = await take(folder.path);
    change(path);
    const transport = new MemoryTransport(server);
    const failed = uploadTree(snapshot, transport, quick);
    await expect(failed).rejects.toThrow(/file" (changed|is gone|cannot be read)/);
    await expect(failed).rejects.toHaveProperty("name", "SpellError");
    expect(transport.calls).not.toContain("commitTree");
  });

  test.each([10, 2 * MIB, 2 * MIB + 7])(
    "a file of %i bytes that only grew is stored as the snapshot saw it",
    async (sizeBytes) => {
      await using server = await ObjectServer.start();
      await using folder = await tempFolder();
      const path = join(folder.path, "log");
      writeFileSync(path, Buffer.alloc(sizeBytes, "f"));
      const snapshot = await take(folder.path);
      appendFileSync(path, Buffer.alloc(MIB + 5, "more"));
      const transport = new MemoryTransport(server);
      await uploadTree(snapshot, transport, quick);
      expect(transport.nodes.has(snapshot.root)).toBe(true);
    },
  );

  test("can be given up in the middle", async () => {
    await using server = await ObjectServer.start();
    const enough = new AbortController();
    server.faults.PUT.push({ kind: "hang" });
    server.onRequest = () => enough.abort(new Error("enough"));
    const failed = uploadTree(emptySnapshot(), new MemoryTransport(server), { ...quick, signal: enough.signal });
    await expect(failed).rejects.toThrow("enough");
  });

  test("two uploads of one tree at the same time both succeed", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    write(
      folder.path,
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, Buffer.alloc(MIB, index)])),
    );
    const transport = new MemoryTransport(server);
    const snapshot = await take(folder.path);
    await Promise.all([uploadTree(snapshot, transport, quick), uploadTree(snapshot, transport, quick)]);
    expect(transport.nodes.has(snapshot.root)).toBe(true);
  });
});
