/** Opens the database file and brings its schema up to date. */
import { readFileSync, readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { SpellError } from "@spell/domain";
import { databaseError } from "./database-error.ts";

const MIGRATIONS = new URL("./migrations/", import.meta.url);

/** Opens (or makes) the file, with WAL and synchronous=FULL: a commit that was answered survives a power cut. */
export function openDatabase(path: string): DatabaseSync {
  try {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    migrate(db, path);
    return db;
  } catch (error) {
    throw databaseError(error);
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
