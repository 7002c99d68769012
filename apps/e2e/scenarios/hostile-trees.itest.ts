/** Trees that lie about what they are, sent to a real coordinator: refused, nothing stored, and its memory stays bounded. */
import { readdirSync } from "node:fs";
import { connect, constants } from "node:http2";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import type { Digest } from "@spell/domain";
import { loadConfiguration } from "@spell/sdk";
import { digestOf, encodeNode } from "@spell/spellfs";
import type { TreeEntry } from "@spell/spellfs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { peakMebibytes, resetPeak } from "../support/memory.ts";

const MEBIBYTE = 1024 * 1024;
/** gRPC's names of its answers. */
const [INVALID_ARGUMENT, RESOURCE_EXHAUSTED] = ["3", "8"];

let farm: Farm;
let before: number;

beforeAll(async () => {
  farm = await Farm.start();
  // What a coordinator takes once it has been used.
  expect((await farm.spell(["ls"])).exitCode).toBe(0);
}, 60_000);
beforeEach(() => {
  before = resetPeak(farm.pidOf("coordinator"));
});
afterAll(() => farm[Symbol.asyncDispose](), 60_000);

const grown = (): number => peakMebibytes(farm.pidOf("coordinator")) - before;

function objectCount(): number {
  return readdirSync(join(farm.data, "objects"), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
    .length;
}

/** Sends a body as it is to a call of the TreeService, no faster than it is taken; the gRPC status, and how much went. */
async function send(method: string, body: AsyncIterable<Uint8Array>, encoding = "identity") {
  const { coordinator, token } = loadConfiguration({ SPELL_DIR: farm.place.login });
  const session = connect(`http://${coordinator}`);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: `/spell.v1.TreeService/${method}`,
      ...{ "content-type": "application/grpc", te: "trailers", "grpc-encoding": encoding },
      authorization: `Bearer ${token}`,
    });
    let [status, sentBytes, isOver] = [undefined as string | undefined, 0, false];
    const over = new Promise<void>((resolve) => stream.once("close", resolve).once("error", () => resolve()));
    const note = (headers: Record<string, unknown>): void => void (status ??= headers["grpc-status"] as string);
    stream.on("response", note).on("trailers", note).resume();
    void over.then(() => (isOver = true));
    for await (const piece of body) {
      if (isOver || stream.destroyed || status !== undefined) break;
      sentBytes += piece.length;
      if (!stream.write(piece)) await Promise.race([over, new Promise((resolve) => stream.once("drain", resolve))]);
    }
    if (!stream.destroyed) stream.end();
    await over;
    return { status, sentBytes };
  } finally {
    session.destroy();
  }
}

function prefix(isCompressed: boolean, bytes: number): Buffer {
  const head = Buffer.alloc(5);
  head[0] = isCompressed ? 1 : 0;
  head.writeUInt32BE(bytes, 1);
  return head;
}

test("a manifest of 1 GB is refused by its announcement, before it is sent", async () => {
  async function* manifest() {
    yield prefix(false, 1024 * MEBIBYTE);
    for (let index = 0; index < 1024; index += 1) yield Buffer.alloc(MEBIBYTE);
  }
  const { status, sentBytes } = await send("CommitTree", manifest());
  expect(status).toBe(RESOURCE_EXHAUSTED);
  expect(sentBytes).toBeLessThan(16 * MEBIBYTE);
  expect(grown()).toBeLessThan(64);
});

test("a manifest that unpacks to 512 MiB is refused before it is unpacked", async () => {
  const gzip = createGzip({ level: 1 });
  const packed: Buffer[] = [];
  gzip.on("data", (chunk: Buffer) => packed.push(chunk));
  const piece = Buffer.alloc(MEBIBYTE);
  for (let index = 0; index < 512; index += 1) {
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once("drain", resolve));
  }
  await new Promise<void>((resolve) => gzip.once("end", resolve).end());
  const body = Buffer.concat(packed);
  async function* bomb() {
    yield prefix(true, body.length);
    yield body;
  }
  expect((await send("CommitTree", bomb(), "gzip")).status).toBe(RESOURCE_EXHAUSTED);
  expect(grown()).toBeLessThan(200);
});

test("a question about a million digests is refused", async () => {
  const digest = Buffer.from(`\x0a\x40${"a".repeat(64)}`);
  async function* question() {
    yield prefix(false, 1_000_000 * digest.length);
    for (let index = 0; index < 1000; index += 1) yield Buffer.concat(Array.from({ length: 1000 }, () => digest));
  }
  expect((await send("FindMissing", question())).status).toBe(INVALID_ARGUMENT);
  expect(grown()).toBeLessThan(400);
});

test("a tree of a few kilobytes that claims 10 million files is refused, and nothing of it stored", async () => {
  using client = farm.client();
  const objects = objectCount();
  const bytes = Buffer.from("x");
  const file = digestOf(bytes);
  const entries = (count: number, entry: (name: string) => TreeEntry): Buffer =>
    Buffer.from(encodeNode(Array.from({ length: count }, (_, index) => entry(`n${String(index).padStart(4, "0")}`))));
  const leaf = entries(100, (name) => ({ kind: "file", name, sizeBytes: 1, digest: file, executable: false }));
  const nodes = [leaf];
  for (const count of [100, 1001]) {
    const below = digestOf(nodes.at(-1) ?? leaf);
    nodes.push(entries(count, (name) => ({ kind: "directory", name, digest: below })));
  }
  const root = digestOf(nodes.at(-1) ?? leaf);
  const content = Buffer.concat([bytes, leaf]);
  const blobs = [
    { digest: file, offset: 0, sizeBytes: 1 },
    { digest: digestOf(leaf), offset: 1, sizeBytes: leaf.length },
  ];
  await expect(client.trees.commitTree({ root, objects: [], nodes, pack: { content, blobs } })).rejects.toMatchObject({
    code: "invalid-input",
    message: expect.stringContaining("more than 10000000 files"),
  });
  expect(objectCount()).toBe(objects);
  expect(grown()).toBeLessThan(64);
});

test("a folder of 60 MiB with one link that leaves it is refused", async () => {
  using client = farm.client();
  const objects = objectCount();
  const lines = ["spell-tree 1\n"];
  // As many as 60 MiB take, each with a name of its own and the bytes of nobody.
  for (let index = 0; index < 600_000; index += 1) {
    lines.push(`l\t${String(index).padStart(7, "0")}\t${"x".repeat(80)}\n`);
  }
  lines.push("l\tzzz\t/etc/passwd\n");
  const node = Buffer.from(lines.join(""));
  const root: Digest = digestOf(node);
  await expect(client.trees.commitTree({ root, objects: [], nodes: [node] })).rejects.toMatchObject({
    code: "invalid-input",
    reason: "bad-tree",
  });
  expect(objectCount()).toBe(objects);
  expect(grown()).toBeLessThan(512);
});

test("after all that it serves as before", async () => {
  expect((await farm.spell(["fsck"])).stdout).toContain("all is");
  const result = await farm.spell(["run", "--wait", "true"], { cwd: farm.folder });
  expect(result.exitCode, result.stderr).toBe(0);
});
