/** An upload that broke off: the next one sends what is left, and nothing wrong is ever committed. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { invalidInput } from "@spell/domain";
import { tempFolder } from "@spell/testing";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { MemoryTransport } from "./test-support/memory-transport.ts";
import { ObjectServer } from "./test-support/object-server.ts";
import { uploadTree } from "./upload.ts";
import { openUploadJournal } from "./upload-journal.ts";

const MIB = 1024 * 1024;

/** Six objects of 2 MiB and a pack with the node; the upload breaks off at its commit. */
async function brokenOff() {
  const server = await ObjectServer.start();
  const folder = await tempFolder();
  const code = join(folder.path, "code");
  const journals = join(folder.path, "journals");
  mkdirSync(code);
  for (let file = 0; file < 6; file += 1) writeFileSync(join(code, `f${file}`), randomBytes(2 * MIB));
  const transport = new MemoryTransport(server);
  const take = () => snapshotDirectory({ directory: code, gitAware: false });
  const open = (coordinator = "here:1") => openUploadJournal({ journals, coordinator, folder: code });
  const upload = async (journal = open()) =>
    uploadTree(await take(), transport, { retryDelayMs: 1, retries: 0, journal });
  const commit = transport.commitTree.bind(transport);
  transport.commitTree = () => Promise.reject(new Error("killed"));
  await expect(upload()).rejects.toThrow("killed");
  transport.commitTree = commit;
  const puts = (): number => server.count("PUT");
  const file = () => join(journals, readdirSync(journals)[0] ?? "");
  const dispose = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { code, journals, transport, upload, open, take, puts, file, commit, [Symbol.asyncDispose]: dispose };
}

describe("after an upload that broke off", () => {
  test("the next one only commits what was put, and forgets it then", async () => {
    await using world = await brokenOff();
    expect(world.puts()).toBe(7);
    expect(await world.upload()).toMatchObject({ uploadedBytes: 0, uploadedBlobs: 7 });
    expect(world.puts()).toBe(7);
    expect(world.transport.nodes.has((await world.take()).root)).toBe(true);
    expect(readdirSync(world.journals)).toEqual([]);
  });

  test("a folder that has changed meanwhile uses what is still wanted", async () => {
    await using world = await brokenOff();
    writeFileSync(join(world.code, "f0"), randomBytes(2 * MIB));
    await world.upload();
    // The changed file, and the node that names it.
    expect(world.puts()).toBe(7 + 2);
    expect(world.transport.nodes.has((await world.take()).root)).toBe(true);
  });

  test("what the store has lost is sent again", async () => {
    await using world = await brokenOff();
    let refused = 0;
    world.transport.commitTree = async (request) => {
      if (request.objects.length > 0 && (refused += 1) === 1) throw invalidInput("It is gone.", "missing-object");
      return world.commit(request);
    };
    await world.upload();
    expect(world.puts()).toBe(14);
  });

  test("another coordinator is sent everything, and so is this one after a day", async () => {
    await using world = await brokenOff();
    expect(world.open("there:1").objects()).toEqual([]);
    expect(world.open().objects()).toHaveLength(7);
    utimesSync(world.file(), new Date(), new Date(Date.now() - 21 * 60 * 60 * 1000));
    expect(world.open().objects()).toEqual([]);
    await world.upload();
    expect(world.puts()).toBe(14);
  });

  test("a damaged journal gives whole lines only, and never a wrong place", async () => {
    await using world = await brokenOff();
    const text = readFileSync(world.file(), "utf8");
    writeFileSync(world.file(), `${text.replace(/"offset":0/, '"offset":1').slice(0, -20)}\n\0\nnonsense\n`);
    expect(world.open().objects()).toHaveLength(5);
    await world.upload();
    expect(world.puts()).toBe(9);
  });

  test("a journal that cannot be written is no failure", async () => {
    await using world = await brokenOff();
    const journal = openUploadJournal({ journals: world.file(), coordinator: "x", folder: "y" });
    writeFileSync(join(world.code, "f0"), randomBytes(2 * MIB));
    expect(await world.upload(journal)).toMatchObject({ uploadedBlobs: 7 });
    expect(journal.objects()).toEqual([]);
  });
});
