/** Opening: what cannot be opened is said clearly, and nothing of it is harmed. */
import { readFileSync } from "node:fs";
import { chmod, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SpellError } from "@spell/domain";
import { startServerProcess, tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import { digestFor, sampleRun, sampleSpec, sampleTrees } from "../contract/samples.ts";
import { openDatabase } from "./open-database.ts";
import { openSqliteRunStore } from "./sqlite-run-store.ts";

/** Opens the record and keeps it. */
const HOLD = `
const { openDatabase } = await import(${JSON.stringify(new URL("open-database.ts", import.meta.url).href)});
globalThis.kept = openDatabase(process.argv[1]);
console.log("open");
setInterval(() => undefined, 1_000);
`;

function refusal(path: string): SpellError {
  try {
    openDatabase(path).close();
  } catch (error) {
    if (error instanceof SpellError) return error;
    throw error;
  }
  return expect.fail(`${path} was opened`);
}

describe("opening the record", () => {
  it("makes folder and file, durable at every commit", async () => {
    await using folder = await tempFolder("spell-record-");
    const db = openDatabase(join(folder.path, "a", "b", "record.db"));
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
  });

  it("belongs to one process at a time, also when that is killed", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    await using holder = startServerProcess(process.execPath, ["--input-type=module", "-e", HOLD, path]);
    await waitFor("the holder", () => holder.output().includes("open"));
    expect(refusal(path)).toMatchObject({ code: "conflict", reason: "record-in-use" });
    await holder.stop("SIGKILL");
    openDatabase(path).close();
  }, 20_000);

  it("brings a record of the first schema up to date, its runs with it", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const first = readFileSync(new URL("migrations/0001-runs.sql", import.meta.url), "utf8");
    const old = new DatabaseSync(path);
    old.exec(`${first}; PRAGMA user_version = 1;`);
    const { params, stopConditions, githubUrl, githubRef, timeoutMinutes, workspaceId, ...rest } = sampleSpec();
    expect([params, stopConditions, githubUrl, githubRef, timeoutMinutes, workspaceId]).toHaveLength(6);
    old
      .prepare("INSERT INTO runs (owner, run_type, spec, status, passed, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)")
      .run("ann", "user", JSON.stringify({ ...rest, labels: ["a", "b"] }), "machine_requested", "[]", 7);
    const blobs = sampleTrees().map(({ digest, objectKey, offset, sizeBytes }) => ({
      digest,
      objectKey,
      offset,
      sizeBytes,
    }));
    for (const { digest, objectKey, offset, sizeBytes } of blobs) {
      old.prepare("INSERT INTO blobs VALUES (?, ?, ?, ?, 1)").run(digest, objectKey, offset, sizeBytes);
    }
    old.prepare("INSERT INTO blobs VALUES (?, ?, ?, ?, 0)").run(digestFor("file"), "packs/file", 0, 1);
    old.close();
    const beforeMs = Date.now() - 1_000;
    const store = openSqliteRunStore(path);
    expect(await store.findNodes(blobs.map(({ digest }) => digest))).toEqual(blobs);
    expect(await store.findBlobs([digestFor("file")])).toHaveLength(1);
    const { references } = await store.garbage.listReferences("recent", { limit: 99, committedSinceMs: beforeMs });
    expect(references.map(({ digest }) => digest).sort()).toEqual(blobs.map(({ digest }) => digest).sort());
    expect(await store.findRun(1)).toMatchObject({
      labels: ["a", "b"],
      spec: { ...rest, params: {}, stopConditions: [], githubUrl: "", githubRef: "" },
    });
    expect((await store.createRun(sampleRun(), "")).run.id).toBe(2);
    expect(await store.listRuns({ owner: "ann", pageSize: 9, labels: ["b"] })).toHaveLength(1);
    await store.close();
  });

  it("refuses a newer schema, names both and leaves the file as it is", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    openDatabase(path).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 9999; UPDATE record_schema SET version = 9999, compatible_from = 9998");
    newer.exec("CREATE TABLE from_the_future (x)");
    newer.close();
    const error = refusal(path);
    expect(error).toMatchObject({ code: "conflict", reason: "newer-schema" });
    expect(error.message).toMatch(/record\.db was written by a newer Spell \(schema 9999, .*start the newer version/);
    const after = new DatabaseSync(path);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 9999 });
    expect(after.prepare("SELECT count(*) AS n FROM from_the_future").get()).toEqual({ n: 0 });
    after.close();
  });

  it("works on with a newer schema that was only expanded, and leaves its number", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    openDatabase(path).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 9999; UPDATE record_schema SET version = 9999");
    newer.exec("ALTER TABLE runs ADD COLUMN from_the_future TEXT");
    newer.close();
    const store = openSqliteRunStore(path);
    await store.addBlobs(sampleTrees());
    const { run } = await store.createRun(sampleRun(), "");
    expect((await store.findRun(run.id))?.owner).toBe("ann");
    await store.close();
    const after = new DatabaseSync(path);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 9999 });
    expect(after.prepare("SELECT from_the_future FROM runs").get()).toEqual({ from_the_future: null });
    after.close();
  });

  it("refuses a newer schema of a Spell that did not say who may work with it", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 9999");
    newer.close();
    expect(refusal(path)).toMatchObject({ code: "conflict", reason: "newer-schema" });
  });

  it("says so when a file lies where the folder should be", async () => {
    await using folder = await tempFolder("spell-record-");
    await writeFile(join(folder.path, "file"), "");
    for (const path of ["file/record.db", "file/deeper/record.db"]) {
      const error = refusal(join(folder.path, path));
      expect(error).toMatchObject({ code: "unavailable", reason: "data-folder" });
      expect(error.message).toMatch(/cannot be opened or written .*check the data folder/);
    }
  });

  it("says so when the folder cannot be made, or a folder lies where the file should be", async () => {
    await using folder = await tempFolder("spell-record-");
    await mkdir(join(folder.path, "record.db"));
    for (const path of ["/proc/nope/record.db", join(folder.path, "record.db")]) {
      expect(refusal(path)).toMatchObject({ code: "unavailable", reason: "data-folder" });
    }
  });

  it.skipIf(process.getuid?.() === 0)("says so when the folder may not be written", async () => {
    await using folder = await tempFolder("spell-record-");
    await chmod(folder.path, 0o500);
    expect(refusal(join(folder.path, "record.db"))).toMatchObject({ code: "unavailable", reason: "data-folder" });
    await chmod(folder.path, 0o700);
  });

  it.each([
    ["text", "This is no database at all. ".repeat(500)],
    ["another format's bytes", Buffer.alloc(20_000, 0x89)],
    [
      "a right beginning and then rubbish",
      Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(20_000, 0x41)]),
    ],
  ])("refuses a file of %s and leaves it as it is", async (_name, content) => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    await writeFile(path, content);
    const error = refusal(path);
    expect(error).toMatchObject({ code: "data-loss", reason: "damaged-record" });
    expect(error.message).toMatch(/damaged or no record at all .*restore it from a copy/);
    expect(await readFile(path)).toEqual(Buffer.from(content));
  });

  it("a record that lost its end is called damaged, when opened or when read", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const store = openSqliteRunStore(path);
    await store.addBlobs(sampleTrees());
    await Promise.all(Array.from({ length: 200 }, () => store.createRun(sampleRun(), "")));
    await store.close();
    await truncate(path, 60_000);
    const readAll = async (): Promise<unknown> => {
      const damaged = openSqliteRunStore(path);
      try {
        return await damaged.listRuns({ owner: "ann", pageSize: 1_000 });
      } finally {
        await damaged.close();
      }
    };
    await expect(readAll()).rejects.toMatchObject({ code: "data-loss", reason: "damaged-record" });
  });

  it("refuses an older record whose migration fails, and changes nothing of it", async () => {
    await using folder = await tempFolder("spell-record-");
    const path = join(folder.path, "record.db");
    const stranger = new DatabaseSync(path);
    stranger.exec("CREATE TABLE runs (something TEXT)");
    stranger.close();
    expect(refusal(path)).toBeInstanceOf(SpellError);
    const after = new DatabaseSync(path);
    const tables = after.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    expect(tables).toEqual([{ name: "runs" }]);
    expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 0 });
    after.close();
  });
});
