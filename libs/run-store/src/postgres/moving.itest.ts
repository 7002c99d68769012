/** A record moves from one database to the other by its backup; a restore that cannot be is refused, and changes nothing. */
import { join } from "node:path";
import { startPostgres, tempFolder } from "@spell/testing";
import type { PostgresServer } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBackup, writeBackup } from "../backup/backup-file.ts";
import type { OpenBackup } from "../backup/backup-file.ts";
import { fillOldRecord, lookAtOldRecord } from "../contract/old-records.ts";
import type { RunStore } from "../run-store.ts";
import { openSqliteRunStore, restoreSqliteRecord } from "../sqlite/index.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { openPostgresRunStore, restorePostgresRecord } from "./index.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop());

async function backupOf(store: RunStore): Promise<() => Promise<OpenBackup>> {
  const { header, parts } = await store.upkeep.backup();
  const chunks: Buffer[] = [];
  for await (const chunk of writeBackup({ ...header, createdAtMs: 5 }, parts)) chunks.push(chunk);
  return () => readBackup(each(chunks));
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

async function columnsOf(store: RunStore): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for await (const part of (await store.upkeep.backup()).parts) {
    if (part.kind === "table") found[part.name] = [...part.columns].sort();
  }
  return found;
}

/** A SQLite record with rows in most of its tables. */
async function openFilled(folder: string): Promise<RunStore> {
  const path = join(folder, "record.db");
  const file = openDatabase(path);
  file.exec(fillOldRecord());
  file.close();
  return openSqliteRunStore(path);
}

describe("both databases", () => {
  it("have the same tables with the same columns", async () => {
    await using folder = await tempFolder("spell-record-");
    const sqlite = openSqliteRunStore(join(folder.path, "record.db"));
    const postgres = await openPostgresRunStore({ url: await server.createDatabase() });
    try {
      expect(await columnsOf(postgres)).toEqual(await columnsOf(sqlite));
    } finally {
      await sqlite.close();
      await postgres.close();
    }
  });

  it("read each other's backups: there and back again the record is the same, and its numbers go on", async () => {
    await using folder = await tempFolder("spell-record-");
    const sqlite = await openFilled(folder.path);
    const backup = await backupOf(sqlite);
    await sqlite.close();
    const url = await server.createDatabase();
    expect(await restorePostgresRecord(url, await backup(), {})).toBeGreaterThan(10);
    const postgres = await openPostgresRunStore({ url });
    const back = await backupOf(postgres);
    await lookAtOldRecord(postgres);
    await postgres.close();
    const again = join(folder.path, "again.db");
    await restoreSqliteRecord(again, await back(), {});
    const last = openSqliteRunStore(again);
    await lookAtOldRecord(last);
    await last.close();
  });
});

describe("a restore into PostgreSQL", () => {
  it("is refused while a coordinator works with the record, and over one that is there unless that is kept", async () => {
    await using folder = await tempFolder("spell-record-");
    const sqlite = await openFilled(folder.path);
    const backup = await backupOf(sqlite);
    await sqlite.close();
    const url = await server.createDatabase();
    const store = await openPostgresRunStore({ url });
    await store.ensureUser({ name: "before", email: "b@example.org", createdAtMs: 1 });
    await expect(restorePostgresRecord(url, await backup(), { keepAs: "kept" })).rejects.toMatchObject({
      reason: "record-in-use",
    });
    await store.close();
    await expect(restorePostgresRecord(url, await backup(), {})).rejects.toMatchObject({ reason: "record-exists" });
    await restorePostgresRecord(url, await backup(), { keepAs: "kept-2026" });
    const name = new URL(url).pathname.slice(1);
    expect(await server.query(`SELECT name FROM "kept-2026".users`, name)).toEqual([{ name: "before" }]);
    const restored = await openPostgresRunStore({ url });
    expect(await restored.findUser("before")).toBeUndefined();
    await lookAtOldRecord(restored);
    await restored.close();
  });

  it("of a schema that PostgreSQL never had is refused, and says what to do", async () => {
    const url = await server.createDatabase();
    const old = { header: { schema: 12, createdAtMs: 1 }, parts: each([]) };
    await expect(restorePostgresRecord(url, old, {})).rejects.toMatchObject({
      code: "conflict",
      reason: "older-schema",
      message: expect.stringMatching(/schema 12, .+ restore it into a data folder/),
    });
  });
});
