/** Group commit on a real file: one transaction for many writes, and one write's failure is its own. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SpellError } from "@spell/domain";
import { tempFolder } from "@spell/testing";
import { describe, expect, it, vi } from "vitest";
import { sampleRun, sampleTrees } from "../contract/samples.ts";
import { GroupCommit } from "./group-commit.ts";
import { openSqliteRunStore } from "./sqlite-run-store.ts";

interface Opened extends AsyncDisposable {
  path: string;
  db: DatabaseSync;
  group: GroupCommit;
  insert: (value: string) => number;
  values: () => string[];
  /** Statements executed since the opening, in order. */
  executed: string[];
}

async function openGroup(): Promise<Opened> {
  const folder = await tempFolder("spell-record-");
  const path = join(folder.path, "record.db");
  // As the record is opened, but not for this connection alone: others look at what is in the file.
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec("CREATE TABLE things (value TEXT PRIMARY KEY) STRICT");
  const executed: string[] = [];
  const exec = db.exec.bind(db);
  vi.spyOn(db, "exec").mockImplementation((sql) => {
    executed.push(sql);
    exec(sql);
  });
  return {
    path,
    db,
    group: new GroupCommit(db),
    insert: (value) => Number(db.prepare("INSERT INTO things VALUES (?)").run(value).changes),
    values: () =>
      db
        .prepare("SELECT value FROM things ORDER BY rowid")
        .all()
        .map((row) => String(row["value"])),
    executed,
    [Symbol.asyncDispose]: async () => {
      if (db.isOpen) db.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function commits(executed: readonly string[]): number {
  return executed.filter((sql) => sql.startsWith("COMMIT")).length;
}

describe("group commit", () => {
  it("puts writes that arrive together into one transaction, in their order", async () => {
    await using opened = await openGroup();
    const { group, executed, insert } = opened;
    const results = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => group.write(() => insert(`${index}`))),
    );
    expect(results).toEqual(Array.from({ length: 1_000 }, () => 1));
    expect(opened.values()).toEqual(Array.from({ length: 1_000 }, (_, index) => `${index}`));
    expect(commits(executed)).toBe(1);
  });

  it("resolves only after the commit", async () => {
    await using opened = await openGroup();
    const { group, executed, insert } = opened;
    const writing = group.write(() => insert("a")).then(() => executed.push("resolved"));
    expect(executed).toEqual([]);
    await writing;
    expect(executed.indexOf("COMMIT")).toBeLessThan(executed.indexOf("resolved"));
    // Another connection sees it: it is in the file, not only in this one's memory.
    const other = new DatabaseSync(opened.path, { readOnly: true });
    expect(other.prepare("SELECT count(*) AS n FROM things").get()).toEqual({ n: 1 });
    other.close();
  });

  it("a write that throws takes back only itself, wholly", async () => {
    await using opened = await openGroup();
    const { group, insert } = opened;
    const ours = new SpellError("conflict", "Not now.");
    const outcomes = await Promise.allSettled([
      group.write(() => insert("first")),
      group.write(() => {
        insert("half");
        throw ours;
      }),
      group.write(() => {
        insert("another half");
        return insert("first");
      }),
      group.write(() => insert("last")),
    ]);
    expect(opened.values()).toEqual(["first", "last"]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: ours });
    expect(outcomes[2]).toMatchObject({ reason: { name: "SpellError", code: "already-exists" } });
    expect(commits(opened.executed)).toBe(1);
  });

  it("a write made by the answer to a write goes into the next group", async () => {
    await using opened = await openGroup();
    const { group, insert } = opened;
    await group.write(() => insert("a")).then(() => group.write(() => insert("b")));
    expect(opened.values()).toEqual(["a", "b"]);
    expect(commits(opened.executed)).toBe(2);
  });

  it("rejects all of a group that cannot be committed, and works again afterwards", async () => {
    await using opened = await openGroup();
    const { group, insert } = opened;
    const other = new DatabaseSync(opened.path);
    opened.db.exec("PRAGMA busy_timeout = 20");
    other.exec("BEGIN IMMEDIATE");
    const outcomes = await Promise.allSettled([group.write(() => insert("a")), group.write(() => insert("b"))]);
    const busy = { status: "rejected", reason: { name: "SpellError", code: "unavailable" } };
    expect(outcomes).toMatchObject([busy, busy]);
    other.exec("COMMIT");
    other.close();
    await group.write(() => insert("c"));
    expect(opened.values()).toEqual(["c"]);
  });

  it("says disk-full when there is no room, keeps what was there, and works again when there is", async () => {
    await using opened = await openGroup();
    const { group, insert, db } = opened;
    await group.write(() => insert("before"));
    const pages = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
    db.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const big = "x".repeat(100_000);
    await expect(group.write(() => insert(big))).rejects.toMatchObject({
      name: "SpellError",
      code: "exhausted",
      reason: "disk-full",
      message: expect.stringMatching(/disk of the record is full .*free some space/),
    });
    expect(opened.values()).toEqual(["before"]);
    db.exec("PRAGMA max_page_count = 1000000");
    await group.write(() => insert(big));
    expect(opened.values()).toEqual(["before", big]);
  });

  it("names the cause when the error took back the whole transaction by itself", async () => {
    await using opened = await openGroup();
    const { group, insert, db } = opened;
    const outcomes = await Promise.allSettled([
      group.write(() => insert("a")),
      group.write(() => {
        // What SQLite may do by itself on a full disk or a failed read.
        db.exec("ROLLBACK");
        throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
      }),
      group.write(() => insert("b")),
    ]);
    const full = { status: "rejected", reason: { code: "exhausted", reason: "disk-full" } };
    expect(outcomes).toMatchObject([full, full, full]);
    expect(opened.values()).toEqual([]);
    await group.write(() => insert("c"));
    expect(opened.values()).toEqual(["c"]);
  });

  it("rejects what was still waiting when the database is gone", async () => {
    await using opened = await openGroup();
    const { group, insert, db } = opened;
    const writing = group.write(() => insert("a"));
    db.close();
    await expect(writing).rejects.toMatchObject({ name: "SpellError", code: "unavailable" });
  });
});

describe("the store", () => {
  it("pays for 1,000 runs created at once with few commits", async () => {
    await using folder = await tempFolder("spell-record-");
    const exec = vi.spyOn(DatabaseSync.prototype, "exec");
    const store = openSqliteRunStore(join(folder.path, "record.db"));
    try {
      await store.addBlobs(sampleTrees());
      exec.mockClear();
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => store.createRun(sampleRun(), `key ${index}`)));
      expect(commits(exec.mock.calls.map(([sql]) => sql))).toBeLessThanOrEqual(3);
      expect(await store.listQueued(2_000)).toHaveLength(1_000);
    } finally {
      exec.mockRestore();
      await store.close();
    }
  });
});
