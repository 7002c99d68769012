/** Opens the database file and brings its schema up to date. */
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SpellError } from "@spell/domain";
import { databaseError, unusableFolder } from "./database-error.ts";

const MIGRATIONS = new URL("./migrations/", import.meta.url);

/** Opens (or makes) the file and its folder, with WAL and synchronous=FULL: a commit that was answered survives a power cut. */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path));
    db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(db, path);
    return db;
  } catch (error) {
    if (db?.isOpen === true) db.close();
    throw (error as NodeJS.ErrnoException).syscall === "mkdir" ? unusableFolder(error) : databaseError(error);
  }
}

/** Not mkdir's own `recursive`: it never returns where a folder cannot hold folders, as below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else may have been faster.
    if (!existsSync(path)) throw error;
  }
}

function migrate(db: DatabaseSync, path: string): void {
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
    if (index < have) continue;
    const sql = readFileSync(new URL(name, MIGRATIONS), "utf8");
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
