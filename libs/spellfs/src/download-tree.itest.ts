import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tempFolder } from "@spell/testing";
import { downloadTree } from "./download-tree.ts";
import { decodeNode } from "./node.ts";
import { snapshotDirectory } from "./snapshot-directory.ts";
import type { Snapshot } from "./snapshot.ts";
import { MemoryTransport } from "./test-support/memory-transport.ts";
import { ObjectServer } from "./test-support/object-server.ts";
import { uploadTree } from "./upload.ts";

const quick = { retryDelayMs: 1, retries: 2 };

/** A stored folder: files, an empty one, twins, one that is large, one to execute, links. */
async function stored(
  server: ObjectServer,
  folder: string,
): Promise<{ transport: MemoryTransport; snapshot: Snapshot }> {
  mkdirSync(join(folder, "deep", "empty"), { recursive: true });
  for (const [path, text] of Object.entries({ a: "A", twin: "A", nothing: "", large: "x".repeat(2_000_000) })) {
    writeFileSync(join(folder, path), text);
  }
  writeFileSync(join(folder, "deep", "run.sh"), "true");
  chmodSync(join(folder, "deep", "run.sh"), 0o755);
  symlinkSync("deep/run.sh", join(folder, "link"));
  symlinkSync("../a", join(folder, "deep", "up"));
  const snapshot = await snapshotDirectory({ directory: folder, gitAware: false });
  const transport = new MemoryTransport(server);
  await uploadTree(snapshot, transport, quick);
  return { transport, snapshot };
}

describe("a download", () => {
  test("makes ordinary files of a tree, and leaves nothing else", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const { transport, snapshot } = await stored(server, join(folder.path, "in"));
    const directory = join(folder.path, "out", "there");
    const result = await downloadTree({ kind: "directory", digest: snapshot.root }, transport, { ...quick, directory });
    expect(result).toMatchObject({ fileCount: 7, totalBytes: 2_000_006, skipped: [] });
    expect(readdirSync(directory).sort()).toEqual(["a", "deep", "large", "link", "nothing", "twin"]);
    expect(readdirSync(join(directory, "deep")).sort()).toEqual(["empty", "run.sh", "up"]);
    expect(readFileSync(join(directory, "large"), "utf8")).toBe("x".repeat(2_000_000));
    expect(readFileSync(join(directory, "twin"), "utf8")).toBe("A");
    expect(readlinkSync(join(directory, "deep", "up"))).toBe("../a");
    expect(statSync(join(directory, "deep", "run.sh")).mode & 0o100).not.toBe(0);
    expect(statSync(join(directory, "a")).mode & 0o333).toBe(0o200 & ~process.umask());
  });

  test("of a part leaves out links that lead out of it, and says so", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const { transport, snapshot } = await stored(server, join(folder.path, "in"));
    const deep = decodeNode(snapshot.nodes.get(snapshot.root) ?? new Uint8Array()).find(({ name }) => name === "deep");
    if (deep?.kind !== "directory") throw new Error("no folder");
    const directory = join(folder.path, "out");
    const { skipped } = await downloadTree({ kind: "directory", digest: deep.digest }, transport, {
      ...quick,
      directory,
    });
    expect(skipped).toEqual([{ path: "up", why: expect.stringContaining("leads out") }]);
    expect(lstatSync(join(directory, "up"), { throwIfNoEntry: false })).toBeUndefined();
  });

  test("asks before it replaces a file, never writes through a link, and refuses where a folder is", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const { transport, snapshot } = await stored(server, join(folder.path, "in"));
    const source = { kind: "directory", digest: snapshot.root } as const;
    const directory = join(folder.path, "out");
    mkdirSync(directory);
    writeFileSync(join(directory, "a"), "mine");
    writeFileSync(join(folder.path, "outside"), "mine");
    symlinkSync("../outside", join(directory, "twin"));
    const asked: string[] = [];
    const mayReplace = async (path: string): Promise<boolean> => asked.push(path) > 1;
    const { skipped } = await downloadTree(source, transport, { ...quick, directory, mayReplace });
    expect([asked, skipped.map(({ path }) => path)]).toEqual([["a", "twin"], ["a"]]);
    expect(readFileSync(join(directory, "a"), "utf8")).toBe("mine");
    expect(readFileSync(join(directory, "twin"), "utf8")).toBe("A");
    expect(readFileSync(join(folder.path, "outside"), "utf8")).toBe("mine");
    const other = join(folder.path, "other");
    mkdirSync(join(other, "a"), { recursive: true });
    const refused = downloadTree(source, transport, { ...quick, directory: other });
    await expect(refused).rejects.toMatchObject({ code: "invalid-input", reason: "in-the-way" });
    expect(readdirSync(other)).toEqual(["a"]);
  });

  test("refuses where a file or link is in the way of a folder, and makes no folder where there can be none", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const { transport, snapshot } = await stored(server, join(folder.path, "in"));
    const copyTo = (...names: string[]) =>
      downloadTree({ kind: "directory", digest: snapshot.root }, transport, {
        ...quick,
        directory: join(folder.path, ...names),
      });
    const inTheWay = { code: "invalid-input", reason: "in-the-way" };
    mkdirSync(join(folder.path, "outside"));
    for (const target of ["../outside", "../nowhere"]) {
      mkdirSync(join(folder.path, "out"), { recursive: true });
      symlinkSync(target, join(folder.path, "out", "deep"));
      await expect(copyTo("out")).rejects.toMatchObject({ ...inTheWay, message: expect.stringContaining("a link") });
      expect(readdirSync(join(folder.path, "out"))).toEqual(["deep"]);
      rmSync(join(folder.path, "out"), { recursive: true });
    }
    expect(readdirSync(join(folder.path, "outside"))).toEqual([]);
    writeFileSync(join(folder.path, "outside", "deep"), "mine");
    await expect(copyTo("outside")).rejects.toMatchObject({ ...inTheWay, message: expect.stringContaining("a file") });
    await expect(copyTo("outside", "deep")).rejects.toMatchObject(inTheWay);
    await expect(copyTo("outside", "deep", "below")).rejects.toMatchObject(inTheWay);
    expect(readFileSync(join(folder.path, "outside", "deep"), "utf8")).toBe("mine");
    symlinkSync("nowhere", join(folder.path, "dangling"));
    await expect(copyTo("dangling")).rejects.toMatchObject(inTheWay);
    await expect(copyTo("dangling", "below")).rejects.toMatchObject(inTheWay);
    const nowhere = downloadTree({ kind: "directory", digest: snapshot.root }, transport, {
      ...quick,
      directory: "/proc/spell-none/below",
    });
    await expect(nowhere).rejects.toMatchObject({ code: "unavailable", reason: "disk-error" });
  });

  test("that gets wrong bytes changes nothing", async () => {
    await using server = await ObjectServer.start();
    await using folder = await tempFolder();
    const { transport, snapshot } = await stored(server, join(folder.path, "in"));
    const directory = join(folder.path, "out");
    mkdirSync(directory);
    writeFileSync(join(directory, "a"), "mine");
    for (let each = 0; each < 10; each += 1) server.faults.GET.push({ kind: "corrupt" });
    const source = { kind: "directory", digest: snapshot.root } as const;
    const copying = downloadTree(source, transport, { ...quick, directory });
    await expect(copying).rejects.toMatchObject({ code: "data-loss" });
    expect(readdirSync(directory)).toEqual(["a"]);
    expect(readFileSync(join(directory, "a"), "utf8")).toBe("mine");
  });
});
