/** Opens the database file and brings its schema up to date. */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { conflict } from "@spell/domain";
import { makeFolder } from "@spell/machine";
import { listMigrations, planMigrations } from "../sql/migrations.ts";
import type { SchemaState } from "../sql/migrations.ts";
import { databaseError, unusableFolder } from "./database-error.ts";

const MIGRATIONS = new URL("./migrations/", import.meta.url);

/** Beside `user_version`, which is the schema's number here: which binaries may work with it. */
const SCHEMA_TABLE =
  "CREATE TABLE IF NOT EXISTS record_schema (version INTEGER NOT NULL, compatible_from INTEGER NOT NULL) STRICT";

/** Another process may be about to end: a restart waits so long for it, milliseconds. */
const LOCK_WAIT_MS = 5_000;
/** SQLITE_BUSY. */
const BUSY = 5;

/**
 * Opens (or makes) the file and its folder, with WAL and synchronous=FULL: a commit that was answered survives a power cut.
 * It belongs to this process until it is closed or the process ends, however that ends. With `schema`, it is brought no further than
 * that.
 */
export function openDatabase(path: string, schema = Number.POSITIVE_INFINITY): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path));
    db = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
    take(db, path);
    migrate(db, path, schema);
    return db;
  } catch (error) {
    if (db?.isOpen === true) db.close();
    throw (error as NodeJS.ErrnoException).syscall === "mkdir" ? unusableFolder(error) : databaseError(error);
  }
}

function take(db: DatabaseSync, path: string): void {
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;");
    db.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    // The mode alone takes no lock, the first write does.
    db.exec("BEGIN IMMEDIATE; COMMIT;");
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== BUSY) throw error;
    const message = `Another coordinator works with ${path}: end it first, or give another data folder.`;
    throw conflict(message, "record-in-use");
  }
}

function migrate(db: DatabaseSync, path: string, schema: number): void {
  const state = schemaState(db);
  const { pending, then } = planMigrations(path, state, listMigrations(MIGRATIONS), schema);
  for (const { number, sql } of pending) {
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${number}; COMMIT;`);
  }
  if (then.version === state.version && then.compatibleFrom === state.compatibleFrom) return;
  const { version, compatibleFrom } = then;
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA_TABLE}; DELETE FROM record_schema;
    INSERT INTO record_schema VALUES (${version}, ${compatibleFrom}); COMMIT;`);
}

function schemaState(db: DatabaseSync): SchemaState {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'record_schema'").get() !== undefined;
  const row = known ? db.prepare("SELECT compatible_from FROM record_schema").get() : undefined;
  // A record without the table was written by a Spell that was compatible with its own schema alone.
  const compatibleFrom = row === undefined ? (version > 0 ? version : 0) : Number(row["compatible_from"]);
  return { version, compatibleFrom };
}
