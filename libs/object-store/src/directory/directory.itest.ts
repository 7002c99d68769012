/** The directory driver behind a real HTTP server: the contract, and what only this driver can meet. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import {
  abortUpload,
  bytesOf,
  expectFailure,
  listedKeys,
  noise,
  putPart,
  putTo,
  sha256,
  uploadStream,
} from "../contract/helpers.ts";
import { describeObjectStore } from "../contract.ts";
import { MIN_PART_BYTES as PART } from "../multipart.ts";
import type { Multipart, PartTag } from "../multipart.ts";
import { createDirectoryStore } from "./directory-store.ts";
import { startServedStore } from "./served-store.fixture.ts";

describeObjectStore("directory", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const { store } = resources.use(await startServedStore(folder.path));
  return { store, [Symbol.asyncDispose]: () => resources.disposeAsync() };
});

describe("directory driver", () => {
  it("keeps an object in the file that its key names", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    await served.store.put("runs/12/log", bytesOf("line"));
    expect(await readFile(join(served.root, "objects/runs/12/log!"), "utf8")).toBe("line");
  });

  it("keeps objects and URLs over a restart", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    await served.store.put("a/b", bytesOf("kept"));
    const url = await served.store.presignGet("a/b", 60);
    const { root, publicUrl, secret } = served;
    const again = await createDirectoryStore({ root, publicUrl, secret });
    expect(Buffer.from(await again.get("a/b")).toString()).toBe("kept");
    const query = new URL(url).searchParams;
    expect(again.verify({ method: "GET", key: "a/b", query })).toEqual({ ok: true });
    const other = await createDirectoryStore({ root, publicUrl, secret: "another secret of the store" });
    expect(other.verify({ method: "GET", key: "a/b", query })).toMatchObject({ ok: false, reason: "signature-wrong" });
  });

  it("temp files of crashed puts are not listed and are swept at the next start; living ones stay", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const { root, publicUrl, secret, store } = served;
    const url = await store.presignPut("being/sent", 60);
    // The parent of this process stands in for another coordinator that is still writing.
    const [stale, foreign] = ["999999999-0123456789abcdef-1", "leftover"];
    const alive = `${process.ppid}-0123456789abcdef-1`;
    for (const name of [stale, foreign, alive]) await writeFile(join(root, "tmp", name), "half");
    expect(await listedKeys(store, "")).toEqual([]);
    await createDirectoryStore({ root, publicUrl, secret });
    expect(await readdir(join(root, "tmp"))).toEqual([alive]);
    expect(await putTo(url, bytesOf("x"))).toBe(200);
  });

  it("an aborted upload removes its temp file", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const tempCount = async (): Promise<number> => (await readdir(join(served.root, "tmp"))).length;
    const leave = Promise.withResolvers<void>();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield noise(3_000_000);
      await leave.promise;
    };
    const upload = uploadStream(await served.store.presignPut("cut", 60), body(), 8_000_000);
    const failed = expect(upload).rejects.toThrow("the client leaves");
    await waitFor("the temp file", async () => (await tempCount()) === 1);
    leave.reject(new Error("the client leaves"));
    await failed;
    await waitFor("the temp file to go", async () => (await tempCount()) === 0);
    expect(await listedKeys(served.store, "")).toEqual([]);
    expect(served.errors).toEqual([]);
  });

  it("kill -9 in the middle of puts: what was acknowledged is there, all that is there is whole", async () => {
    await using folder = await tempFolder();
    const options = { root: folder.path, publicUrl: "http://127.0.0.1:1", secret: "sixteen bytes or more" };
    const script = `
      import { createDirectoryStore } from ${JSON.stringify(new URL("directory-store.ts", import.meta.url))};
      const store = await createDirectoryStore(${JSON.stringify(options)});
      void store.putStream("n/half", (async function* () {
        yield Buffer.alloc(5_000_000);
        await new Promise((resolve) => (globalThis.never = resolve)); // kept: its file would be closed as garbage
      })());
      for (let number = 0; ; number += 1) {
        const key = "n/" + number;
        void store.put(key, Buffer.alloc(3_000_000, number % 256)).then(() => console.log(key));
        if (number % 4 === 3) await store.put("pace", Buffer.alloc(1));
      }`;
    const writer = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(writer, "exit");
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length === 12) writer.kill("SIGKILL");
    }
    await exited;
    expect(await readdir(join(folder.path, "tmp"))).not.toEqual([]);
    const store = await createDirectoryStore(options);
    expect(await readdir(join(folder.path, "tmp"))).toEqual([]);
    const keys = await listedKeys(store, "n/");
    expect(acknowledged.filter((key) => !keys.includes(key))).toEqual([]);
    for (const key of keys) {
      expect(sha256(await store.get(key))).toBe(sha256(Buffer.alloc(3_000_000, Number(key.slice(2)) % 256)));
    }
  }, 30_000);

  it("files that are no objects of the store are neither listed nor readable", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    await mkdir(join(served.root, "objects/lost+found"));
    await writeFile(join(served.root, "objects/notes.txt"), "mine");
    await writeFile(join(served.root, "objects/lost+found/a!"), "mine");
    await served.store.put("a", bytesOf("x"));
    expect(await listedKeys(served.store, "")).toEqual(["a"]);
    await expectFailure("not-found", () => served.store.get("notes.txt"));
  });

  it("a root that cannot be a folder is refused with its name", async () => {
    await using folder = await tempFolder();
    const file = join(folder.path, "file");
    await writeFile(file, "");
    const options = { publicUrl: "http://127.0.0.1:1", secret: "sixteen bytes or more" };
    for (const root of [file, join(file, "below")]) {
      await expectFailure("invalid-input", () => createDirectoryStore({ ...options, root }));
    }
  });

  it("a short secret is refused", async () => {
    await using folder = await tempFolder();
    const options = { root: folder.path, publicUrl: "http://127.0.0.1:1", secret: "short" };
    await expectFailure("invalid-input", () => createDirectoryStore(options));
  });
});

describe("directory driver, objects in parts", () => {
  const layout = { sizeBytes: 2 * PART + 5, partBytes: PART };

  it("keeps parts over a restart and a cut line, and copies nothing to complete the object", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const { root, publicUrl, secret, store } = served;
    const multipart = { ...layout, key: "a/big", uploadId: await store.startMultipart("a/big", layout) };
    const body = noise(layout.sizeBytes);
    const tags: PartTag[] = [];
    const put = async (number: number): Promise<void> => {
      const part = body.subarray((number - 1) * PART, number * PART);
      const { status, etag } = await putPart(await store.presignPart(multipart, number, 60), part);
      expect(status).toBe(200);
      tags.push({ number, etag });
    };
    for (const number of [2, 1]) await put(number);
    const inMaking = join(root, "multiparts", multipart.uploadId);
    await appendFile(join(inMaking, "parts"), "put 3 0123456");
    const again = await createDirectoryStore({ root, publicUrl, secret });
    expect((await again.listParts(multipart)).map(({ number }) => number)).toEqual([1, 2]);
    await put(3);
    const { ino } = await stat(join(inMaking, "data"));
    const last = await createDirectoryStore({ root, publicUrl, secret });
    await last.completeMultipart(multipart, tags);
    expect((await stat(join(root, "objects/a/big!"))).ino).toBe(ino);
    expect(sha256(await last.get("a/big"))).toBe(sha256(body));
    expect(await readdir(join(root, "multiparts"))).toEqual([]);
  });

  it("a part that is being written again is not there until it is whole", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const { root, publicUrl, secret, store } = served;
    const multipart = { ...layout, key: "big", uploadId: await store.startMultipart("big", layout) };
    const url = await store.presignPart(multipart, 1, 60);
    expect((await putPart(url, noise(PART))).status).toBe(200);
    await abortUpload(url, { sizeBytes: PART, sent: noise(PART / 2) });
    await waitFor("the part to be given up", async () => (await store.listParts(multipart)).length === 0);
    const again = await createDirectoryStore({ root, publicUrl, secret });
    expect(await again.listParts(multipart)).toEqual([]);
    expect((await putPart(url, noise(PART))).status).toBe(200);
  });

  it("removes at its start what was complete already, and keeps the rest", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const { root, publicUrl, secret, store } = served;
    const [done, open] = [await store.startMultipart("done", layout), await store.startMultipart("open", layout)];
    await rm(join(root, "multiparts", done, "data"));
    const again = await createDirectoryStore({ root, publicUrl, secret });
    expect(await readdir(join(root, "multiparts"))).toEqual([open]);
    await again.abortMultipart({ key: "open", uploadId: open });
    expect([await readdir(join(root, "multiparts")), await readdir(join(root, "tmp"))]).toEqual([[], []]);
  });

  it("refuses a part of another size, and forgets no part when there are many in the making", async () => {
    await using folder = await tempFolder();
    await using served = await startServedStore(folder.path);
    const { store } = served;
    const small = { sizeBytes: 3, partBytes: PART };
    const many: Multipart[] = [];
    for (let index = 0; index < 40; index += 1) {
      const key = `many/${index}`;
      many.push({ ...small, key, uploadId: await store.startMultipart(key, small) });
    }
    const tags = new Map<string, PartTag>();
    for (const each of many) {
      const url = await store.presignPart(each, 1, 60);
      expect((await putPart(url, bytesOf("long"))).status).toBe(400);
      tags.set(each.key, { number: 1, etag: (await putPart(url, bytesOf("abc"))).etag });
    }
    for (const each of many) await store.completeMultipart(each, [tags.get(each.key) ?? { number: 1, etag: "" }]);
    expect(await listedKeys(store, "many/")).toHaveLength(40);
  });
});
