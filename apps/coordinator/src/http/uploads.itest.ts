/** Uploads over HTTP: begun, broken off, gone on with, completed, removed; and what hostile clients send. */
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { waitFor } from "@spell/testing";
import { ask, send } from "../test-support/api.ts";
import { begin, complete, declare, locationOf, offsetOf, patch, put } from "../test-support/tus.ts";
import type { World } from "../test-support/world.ts";
import { openWorld } from "../test-support/world.ts";

async function list(world: World, path: string): Promise<string[]> {
  const response = await send(world, `resources/ann/ls/${path}`);
  if (!response.ok) return [String(response.status)];
  const lines = (await response.text()).split("\n").slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { path: string }).path);
}

type Member = Partial<Header> & { name: string; text?: string };

async function archive(members: Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = "", ...header } of members) tar.entry(header, text);
  tar.finalize();
  return buffer(tar);
}

async function sendArchive(world: World, name: string, bytes: Buffer): Promise<Awaited<ReturnType<typeof ask>>> {
  const id = await begin(world, name, { compressed: true });
  const location = await locationOf(await declare(world, { path: `${id}/upload.tar.gz`, length: bytes.length }));
  await patch(world, location, { offset: 0, bytes: new Uint8Array(bytes) });
  return complete(world, id);
}

const refusal = (code: string, error: RegExp = /./) => ({
  status: 400,
  body: { code, error: expect.stringMatching(error) },
});

describe("an upload", () => {
  it("arrives file by file and becomes a resource", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    for (const [path, text] of [
      ["a.csv", "1,2"],
      ["deep/er/ü 日本.txt", "x".repeat(100_000)],
      ["empty", ""],
    ] as const) {
      await put(world, id, path, text);
    }
    expect(await list(world, "uploads/data")).toEqual(["409"]);
    expect(await complete(world, id)).toMatchObject({
      status: 200,
      body: { user_dataset: { id, name: "data", status: "complete" } },
    });
    expect(await list(world, "uploads")).toEqual(["data"]);
    expect(await list(world, "uploads/data/")).toEqual(["a.csv", "deep/", "empty"]);
    const tar = await send(world, "resources/ann/cp/uploads/data/deep");
    expect(tar.headers.get("content-type")).toMatch(/^application\/x-tar/);
    expect(Buffer.from(await tar.arrayBuffer()).toString()).toContain("x".repeat(100_000));
    // The answer of the first may have been lost.
    expect((await complete(world, id)).status).toBe(200);
    expect(await ask(world, "datasets/ann", { body: { name: "data" } })).toMatchObject({
      status: 409,
      body: { code: "upload-exists", error: expect.stringContaining("spell rm uploads/data") },
    });
    const run = { command: "true", attached_resources: { "uploads/data": { mount_point: "/data" } } };
    expect((await ask(world, "runs/ann", { body: run })).status).toBe(200);
  });

  it("goes on where it broke off", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    const file = { path: `${id}/f`, length: 10 };
    const location = await locationOf(await declare(world, file));
    expect(await offsetOf(world, location)).toBe(0);
    const first = await patch(world, location, { offset: 0, bytes: "0123" });
    expect([first.status, first.headers.get("upload-offset")]).toEqual([204, "4"]);
    expect(await begin(world, "data")).toBe(id);
    expect(await locationOf(await declare(world, file))).toBe(location);
    expect(await offsetOf(world, location)).toBe(4);
    expect(await complete(world, id)).toMatchObject(refusal("incomplete-file", /4 of 10 bytes/));
    expect((await patch(world, location, { offset: 4, bytes: "456789" })).status).toBe(204);
    expect((await complete(world, id)).status).toBe(200);
    // The same name, size and place, but a file of another size is another one.
    const other = await begin(world, "other");
    const old = await locationOf(await declare(world, { path: `${other}/f`, length: 3 }));
    await patch(world, old, { offset: 0, bytes: "abc" });
    expect(await locationOf(await declare(world, { path: `${other}/f`, length: 2 }))).not.toBe(old);
    expect((await patch(world, old, { offset: 3, bytes: "d" })).status).toBe(404);
  });

  it("keeps what came before the connection broke, and lets one sender at a time in", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    const location = await locationOf(await declare(world, { path: `${id}/f`, length: 8 }));
    const gone = new AbortController();
    const { promise: never } = Promise.withResolvers<Uint8Array>();
    const bytes = ReadableStream.from(
      (async function* () {
        yield Buffer.from("0123");
        yield await never;
      })(),
    );
    const broken = fetch(`${world.api}/v1/${location}`, {
      method: "PATCH",
      headers: {
        authorization: `Bearer ${world.ann}`,
        "content-type": "application/offset+octet-stream",
        "upload-offset": "0",
      },
      body: bytes,
      duplex: "half",
      signal: gone.signal,
    }).catch(() => undefined);
    await waitFor("four bytes", async () => (await offsetOf(world, location)) === 4);
    const second = await patch(world, location, { offset: 4, bytes: "4567" });
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([423, "locked"]);
    expect((await complete(world, id)).status).toBe(409);
    gone.abort();
    await broken;
    await waitFor("the lock to be free", async () => {
      const response = await patch(world, location, { offset: 4, bytes: "4567" });
      return response.status === 204;
    });
    expect((await complete(world, id)).status).toBe(200);
  });

  it("is refused bytes beyond what was declared, at a wrong place, or for a wrong file", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    const location = await locationOf(await declare(world, { path: `${id}/f`, length: 4 }));
    for (const [offset, bytes, status] of [
      [1, "x", 409],
      [0, "01234", 400],
      [0, "0".repeat(3_000_000), 400],
    ] as const) {
      expect((await patch(world, location, { offset, bytes })).status, bytes.slice(0, 9)).toBe(status);
    }
    expect((await patch(world, location, { offset: 0, bytes: "x", token: world.bob })).status).toBe(404);
    expect((await patch(world, "datasets/upload/999", { offset: 0, bytes: "x" })).status).toBe(404);
    expect((await send(world, location, { method: "HEAD", token: world.bob })).status).toBe(404);
    expect(await ask(world, location, { method: "PATCH", body: {} })).toMatchObject(refusal("bad-number"));
  });

  it("is refused files that cannot be", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    for (const path of ["..", "../x", "a/../b", "/etc/passwd", "", "a//b", "a/.", "a\0b", "x".repeat(4_000)]) {
      const answer = await declare(world, { path: `${id}/${path}`, length: 1 });
      expect([answer.status, ((await answer.json()) as { code: string }).code], path).toEqual([400, "bad-path"]);
    }
    for (const length of ["", "-1", "1.5", "x", "9".repeat(16), String(2 ** 49)]) {
      expect((await declare(world, { path: `${id}/f`, length })).status, length).toBe(400);
    }
    expect((await declare(world, { path: `${id}/f`, length: 1, token: world.bob })).status).toBe(404);
    expect((await declare(world, { path: "99/f", length: 1 })).status).toBe(404);
    expect((await declare(world, { path: "x/f", length: 1 })).status).toBe(400);
    expect((await send(world, "datasets/upload", { method: "POST" })).status).toBe(400);
    expect(await complete(world, id)).toMatchObject(refusal("empty-upload"));
    // A name that no tree takes, and a file where a folder is.
    await put(world, id, "a\nb", "x");
    expect(await complete(world, id)).toMatchObject(refusal("bad-path", /control characters/));
    const clash = await begin(world, "clash");
    await put(world, clash, "a", "x");
    await put(world, clash, "a/b", "x");
    expect(await complete(world, clash)).toMatchObject(refusal("bad-tree"));
    for (const name of ["", "a/b", "..", "a\0", "x".repeat(300), "a:b"]) {
      expect(await ask(world, "datasets/ann", { body: { name } }), name).toMatchObject(refusal("bad-name"));
    }
    const cluster = { name: "x", cluster_name: "aws" };
    expect(await ask(world, "datasets/ann", { body: cluster })).toMatchObject(refusal("not-offered"));
  });

  it("is removed by name, by its owner alone", async () => {
    await using world = await openWorld();
    const id = await begin(world, "data");
    await put(world, id, "f", "x");
    await complete(world, id);
    await begin(world, "half");
    const remove = (name: string, token = world.ann, owner = "ann") =>
      ask(world, `datasets/${owner}`, { method: "DELETE", body: { name }, token });
    expect((await remove("data", world.bob)).status).toBe(404);
    expect((await remove("data", world.bob, "bob")).status).toBe(404);
    expect((await remove("data")).status).toBe(200);
    expect((await remove("data")).status).toBe(404);
    expect((await remove("half")).status).toBe(200);
    expect(await list(world, "uploads")).toEqual([]);
    expect(await begin(world, "data")).toBeGreaterThan(id);
  });

  it("that nobody goes on with is given up after a week", async () => {
    await using world = await openWorld();
    const { store, uploads } = world.services;
    const old = await begin(world, "old");
    const location = await locationOf(await declare(world, { path: `${old}/f`, length: 4 }));
    await patch(world, location, { offset: 0, bytes: "01" });
    await uploads.sweep();
    expect(await offsetOf(world, location)).toBe(2);
    await store.uploads.beginUpload(
      { owner: "ann", name: "older", compressed: false },
      Date.now() - 8 * 24 * 3_600_000,
    );
    await uploads.sweep();
    expect(await store.uploads.findUpload("ann", "older")).toBeUndefined();
    expect(await offsetOf(world, location)).toBe(2);
  });
});

describe("an archive", () => {
  it("is unpacked: files, folders, links, the right to execute", async () => {
    await using world = await openWorld();
    const bytes = await archive([
      { name: "upload/", type: "directory" },
      { name: "upload/run.sh", text: "true", mode: 0o755 },
      { name: "./upload/deep/er.txt", text: "x".repeat(300_000) },
      { name: "upload/empty/", type: "directory" },
      { name: "upload/link", type: "symlink", linkname: "deep/er.txt" },
      { name: "upload/twin", type: "link", linkname: "upload/run.sh" },
    ]);
    for (const [name, packed] of [
      ["gz", gzipSync(bytes)],
      ["plain", bytes],
    ] as const) {
      expect((await sendArchive(world, name, packed)).body).toMatchObject({ user_dataset: { status: "complete" } });
      expect(await list(world, `uploads/${name}`)).toEqual(["deep/", "empty/", "link", "run.sh", "twin"]);
      const tar = Buffer.from(await (await send(world, `resources/ann/cp/uploads/${name}/twin`)).arrayBuffer());
      expect(tar.toString("latin1", 100, 107)).toContain("755");
      expect(tar.toString("latin1", 512, 516)).toBe("true");
    }
  });

  it.each<[string, Member[]]>([
    ["leads out by a path", [{ name: "upload/../../etc/cron.d/x", text: "x" }]],
    ["has an absolute path", [{ name: "/etc/passwd", text: "x" }]],
    ["leads out by a link", [{ name: "upload/x", type: "symlink", linkname: "../../etc" }]],
    ["has an absolute link", [{ name: "upload/x", type: "symlink", linkname: "/etc/passwd" }]],
    [
      "goes through a link",
      [
        { name: "upload/x", type: "symlink", linkname: "y" },
        { name: "upload/x/passwd", text: "x" },
      ],
    ],
    ["links to what is not in it", [{ name: "upload/x", type: "link", linkname: "/etc/passwd" }]],
    ["has a device", [{ name: "upload/x", type: "character-device", devmajor: 1, devminor: 3 }]],
    ["has a FIFO", [{ name: "upload/x", type: "fifo" }]],
    ["is empty", []],
    ["has folders alone", [{ name: "upload/x/", type: "directory" }]],
  ])("that %s is refused", async (_why, members) => {
    await using world = await openWorld();
    const answer = await sendArchive(world, "data", gzipSync(await archive(members)));
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^[A-Z"].+\.$/) } });
    expect(await list(world, "uploads")).toEqual([]);
  });

  it("that is none, or ends too early, is refused", async () => {
    await using world = await openWorld();
    const whole = gzipSync(await archive([{ name: "upload/x", text: "x".repeat(100_000) }]));
    for (const [name, bytes] of [
      ["text", Buffer.from("this is no archive".repeat(100))],
      ["cut", whole.subarray(0, -20)],
      ["gz", gzipSync("no archive".repeat(200))],
    ] as const) {
      expect(await sendArchive(world, name, bytes), name).toMatchObject(refusal("bad-archive"));
    }
  });

  it("that is a bomb is refused before it bursts", async () => {
    await using world = await openWorld();
    const header = (await archive([{ name: "upload/zeros", size: 0 }])).subarray(0, 512);
    // A member that says it has 7 GiB, of which only the beginning is there.
    header.write("77777777777", 124);
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const bomb = gzipSync(Buffer.concat([header, Buffer.alloc(10_000_000)]));
    expect(await sendArchive(world, "bomb", bomb)).toMatchObject(refusal("too-large", /unpacks to more than/));
  });
});
