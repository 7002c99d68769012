/**
 * Opens the record: a file in the data folder, or a PostgreSQL database. The two must not take each other's place by mistake: with an empty
 * record all that is stored would be garbage.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { conflict } from "@spell/domain";
import { makeFolder } from "@spell/machine";
import type { RunStore } from "@spell/run-store";
import type { PostgresOptions } from "@spell/run-store/postgres";
import { openSqliteRunStore } from "@spell/run-store/sqlite";

export interface RecordPaths {
  record: string;
  /** Holds the name of the database that the record is in, if it is in one. */
  recordElsewhere: string;
}

/** Throws what the driver does, and conflict (`record-elsewhere`) when the data folder's record is not the one that was asked for. */
export async function openRecord(
  database: string | undefined,
  paths: RecordPaths,
  guard?: PostgresOptions["guard"],
): Promise<RunStore> {
  const { record, recordElsewhere } = paths;
  requireRecordHere(database, paths);
  if (database === undefined) return openSqliteRunStore(record);
  // Its library takes some MiB, which SQLite does without.
  const { openPostgresRunStore, placeName } = await import("@spell/run-store/postgres");
  const store = await openPostgresRunStore({ url: database, guard });
  makeFolder(dirname(recordElsewhere), { mode: 0o700 });
  writeFileSync(`${recordElsewhere}.new`, `${placeName(database)}\n`, { mode: 0o600, flush: true });
  renameSync(`${recordElsewhere}.new`, recordElsewhere);
  return store;
}

/** Throws conflict (`record-elsewhere`) when the data folder's record is not the one that was asked for. */
export function requireRecordHere(database: string | undefined, paths: RecordPaths): void {
  const { record, recordElsewhere } = paths;
  if (database === undefined) {
    if (existsSync(recordElsewhere)) {
      const name = readFileSync(recordElsewhere, "utf8").trim();
      const message = `The record of this data folder is in ${name}: give that with --database or SPELL_DATABASE.`;
      throw conflict(`${message} To begin with an empty one, remove ${recordElsewhere}.`, "record-elsewhere");
    }
    return;
  }
  if (existsSync(record)) {
    const message = `The record of this data folder is ${record}, and --database (or SPELL_DATABASE) names another.`;
    throw conflict(
      `${message} Leave that out, or move the file away once the database has what is in it.`,
      "record-elsewhere",
    );
  }
}
