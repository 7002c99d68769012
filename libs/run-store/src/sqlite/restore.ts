/** Makes a SQLite record from a backup: beside the place where it belongs, and only when it is whole it takes that place. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { conflict } from "@spell/domain";
import type { OpenBackup } from "../backup/backup-file.ts";
import { BackupLoader } from "../sql/load-backup.ts";
import { run } from "../sql/statement.ts";
import { databaseError } from "./database-error.ts";
import { openDatabase } from "./open-database.ts";
import { tablesOf } from "./snapshot.ts";
import { Statements } from "./statements.ts";

export interface RestoreOptions {
  /** What is there already is kept under this name. Without it the restore is refused then. */
  keepAs?: string;
}

/**
 * How many rows there are now. Throws conflict (`record-exists`, `record-in-use`), data-loss (`damaged-backup`), conflict
 * (`newer-schema`); then nothing has changed.
 */
export async function restoreSqliteRecord(path: string, backup: OpenBackup, options: RestoreOptions): Promise<number> {
  const { keepAs } = options;
  const isThere = existsSync(path);
  if (isThere && keepAs === undefined) {
    throw conflict(
      `There is a record in ${path} already: with --replace it is kept under another name.`,
      "record-exists",
    );
  }
  // Refused while a coordinator works with it. What its log still holds goes into the file.
  if (isThere) openDatabase(path, 0).close();
  const unfinished = `${path}.restoring`;
  remove(unfinished);
  try {
    const rows = await load(unfinished, backup);
    // Brought up to date before anybody uses it: a backup may be older than this program.
    openDatabase(unfinished).close();
    if (isThere && keepAs !== undefined) renameSync(path, keepAs);
    renameSync(unfinished, path);
    syncFolder(dirname(path));
    return rows;
  } catch (error) {
    remove(unfinished);
    throw databaseError(error);
  }
}

async function load(path: string, { header, parts }: OpenBackup): Promise<number> {
  const file = openDatabase(path, header.schema);
  try {
    requireSchema(file, header.schema);
    const statements = new Statements(file);
    const tables = new Map(tablesOf(file).map(({ name, columns }) => [name, new Set(columns)]));
    const loader = new BackupLoader(tables, function* (name, last) {
      if ((yield* run("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", last, name)) > 0) return;
      yield* run("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", name, last);
    });
    file.exec("BEGIN IMMEDIATE");
    // Migrations may have written rows of their own.
    for (const name of tables.keys()) file.exec(`DELETE FROM ${name}`);
    for await (const part of parts) statements.drive(loader.load(part));
    file.exec("COMMIT");
    return loader.rows;
  } finally {
    file.close();
  }
}

function requireSchema(file: DatabaseSync, schema: number): void {
  const newest = Number(file.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (newest === schema) return;
  const message = `The backup was made by a newer Spell (schema ${schema}, this one knows ${newest}): restore it with the newer version.`;
  throw conflict(message, "newer-schema");
}

function remove(path: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${end}`, { force: true });
}

/** The new name must survive a power cut. */
function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}
