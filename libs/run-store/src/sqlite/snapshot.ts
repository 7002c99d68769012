/**
 * A moment of a SQLite record: a copy of its file, made page by page while the record goes on. Reading the tables of the file itself
 * would hold all else up for as long as that takes.
 */
import { rmSync } from "node:fs";
import { DatabaseSync, backup } from "node:sqlite";
import { conflict } from "@spell/domain";
import type { BackupValue } from "../backup/backup-file.ts";
import type { Snapshot } from "../sql/snapshot.ts";
import { databaseError } from "./database-error.ts";

/** Files whose copy is being made or read. */
const busy = new Set<string>();

/** Throws conflict (`backup-busy`) while another one is held. */
export async function takeSnapshot(db: DatabaseSync, path: string): Promise<Snapshot> {
  if (busy.has(path)) throw conflict("Another backup of the record is being made: try again later.", "backup-busy");
  busy.add(path);
  const copyPath = `${path}.copy`;
  let copy: DatabaseSync | undefined;
  const release = (): void => {
    if (copy?.isOpen === true) copy.close();
    for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(`${copyPath}${end}`, { force: true });
    busy.delete(path);
  };
  try {
    // An earlier life of this process may have left one.
    rmSync(copyPath, { force: true });
    await backup(db, copyPath);
    copy = new DatabaseSync(copyPath);
    return snapshotOf(copy, release);
  } catch (error) {
    release();
    throw databaseError(error);
  }
}

function snapshotOf(copy: DatabaseSync, release: () => void): Snapshot {
  return {
    schema: Number(copy.prepare("PRAGMA user_version").get()?.["user_version"]),
    tables: tablesOf(copy),
    rows: ({ name, columns }) => rowsOf(copy, name, columns),
    sequences: async () =>
      copy
        .prepare("SELECT name, seq FROM sqlite_sequence ORDER BY name")
        .all()
        .map((row) => ({ name: row["name"] as string, last: row["seq"] as number })),
    [Symbol.asyncDispose]: async () => release(),
  };
}

/** The tables of a record, with their columns. What says which schema it is belongs to no backup. */
export function tablesOf(db: DatabaseSync): { name: string; columns: string[] }[] {
  return db
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'record_schema'
        ORDER BY name`,
    )
    .all()
    .map(({ name }) => ({ name: name as string, columns: columnsOf(db, name as string) }));
}

function columnsOf(db: DatabaseSync, table: string): string[] {
  return db
    .prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid")
    .all(table)
    .map(({ name }) => name as string);
}

async function* rowsOf(
  db: DatabaseSync,
  name: string,
  columns: readonly string[],
): AsyncGenerator<readonly BackupValue[], void, undefined> {
  for (const row of db.prepare(`SELECT ${columns.join(", ")} FROM ${name}`).iterate()) {
    yield columns.map((column) => row[column] as BackupValue);
  }
}

/** What SQLite finds wrong in the file. */
export function faultsOf(db: DatabaseSync): string[] {
  const found = db
    .prepare("PRAGMA quick_check")
    .all()
    .map((row) => String(Object.values(row)[0]));
  return found.filter((line) => line !== "ok");
}
