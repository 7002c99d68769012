/** Opens the database file and brings its schema up to date. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SpellError, conflict } from "@spell/domain";
import { makeFolder } from "@spell/machine";
import { databaseError, unusableFolder } from "./database-error.ts";

const MIGRATIONS = new URL("./migrations/", import.meta.url);

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
  const files = readdirSync(MIGRATIONS)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort();
  const row = db.prepare("PRAGMA user_version").get();
  const have = Number(row?.["user_version"] ?? 0);
  if (have > files.length) {
    throw new SpellError(
      "conflict",
      `${path} was written by a newer Spell (schema ${have}, this one knows ${files.length}): start the newer version.`,
      { reason: "newer-schema" },
    );
  }
  for (const [index, name] of files.entries()) {
    if (index < have || index >= schema) continue;
    const sql = readFileSync(new URL(name, MIGRATIONS), "utf8");
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
