/** Makes the record of a PostgreSQL database from a backup, in one transaction: all of it is there, or nothing has changed. */
import type pg from "pg";
import { conflict } from "@spell/domain";
import type { OpenBackup } from "../backup/backup-file.ts";
import { BackupLoader } from "../sql/load-backup.ts";
import { run } from "../sql/statement.ts";
import { ask, drive, openSession } from "./connection.ts";
import { databaseError } from "./database-error.ts";
import { IN_USE } from "./locks.ts";
import { MIGRATIONS, check, migrate } from "./open-database.ts";
import { openingError } from "./opening-error.ts";
import { parsePlace } from "./place.ts";
import type { Place } from "./place.ts";
import { quoted, tablesOf } from "./tables.ts";
import type { Table } from "./tables.ts";

export interface RestoreOptions {
  /** What is there already is kept in a schema of this name. Without it the restore is refused then. */
  keepAs?: string;
}

/** Rows that are sent before those in front of them are answered. */
const ROWS_UNDER_WAY = 200;

/**
 * How many rows there are now. Throws conflict (`record-exists`, `record-in-use`, `newer-schema`, `older-schema`), data-loss
 * (`damaged-backup`), and what openPostgresRunStore does; then nothing has changed.
 */
export async function restorePostgresRecord(url: string, backup: OpenBackup, options: RestoreOptions): Promise<number> {
  const place = parsePlace(url);
  requireSchema(backup.header.schema);
  const session = await openSession({ url, patient: true }).catch((error: unknown) => {
    throw openingError(error, place);
  });
  try {
    await check(session, place);
    await ask(session, "BEGIN");
    await requireNobody(session, place);
    await makeRoom(session, place, options);
    await migrate(session, place, backup.header.schema);
    const rows = await load(session, backup);
    // Brought up to date before anybody uses it: a backup may be older than this program.
    await migrate(session, place);
    await ask(session, "COMMIT");
    return rows;
  } catch (error) {
    throw databaseError(error);
  } finally {
    // What was not committed is taken back.
    await session.end().catch(() => undefined);
  }
}

function requireSchema(schema: number): void {
  const [first, newest] = [MIGRATIONS.at(0)?.number ?? 0, MIGRATIONS.at(-1)?.number ?? 0];
  if (schema > newest) {
    const message = `The backup was made by a newer Spell (schema ${schema}, this one knows ${newest}): restore it with the newer version.`;
    throw conflict(message, "newer-schema");
  }
  if (schema < first) {
    const message = `The backup has schema ${schema}, and PostgreSQL knows ${first} and newer: restore it into a data folder, back that up once it was started, and restore that.`;
    throw conflict(message, "older-schema");
  }
}

async function requireNobody(session: pg.Client, { name }: Place): Promise<void> {
  const { rows } = await ask(session, `SELECT pg_try_advisory_xact_lock(${IN_USE}) AS alone`);
  if (rows[0]?.["alone"] !== "t") {
    throw conflict(`A coordinator works with ${name}: end it first.`, "record-in-use");
  }
}

async function makeRoom(session: pg.Client, { name }: Place, { keepAs }: RestoreOptions): Promise<void> {
  const tables = [...(await tablesOf(session)).map((table) => table.name)];
  const { rows } = await ask(session, "SELECT to_regclass('record_schema') IS NOT NULL AS there");
  if (rows[0]?.["there"] === "t") tables.push("record_schema");
  if (tables.length === 0) return;
  if (keepAs === undefined) {
    throw conflict(
      `There are tables in ${name} already: with --replace they are kept in another schema.`,
      "record-exists",
    );
  }
  await ask(session, `CREATE SCHEMA ${quoted(keepAs)}`);
  for (const table of tables) await ask(session, `ALTER TABLE ${quoted(table)} SET SCHEMA ${quoted(keepAs)}`);
}

async function load(session: pg.Client, { parts }: OpenBackup): Promise<number> {
  const tables = await tablesOf(session);
  const numbered = new Map(tables.map(({ name, sequence }) => [name, sequence]));
  // Migrations may have written rows of their own.
  for (const { name } of tables) await ask(session, `DELETE FROM ${quoted(name)}`);
  const loader = new BackupLoader(new Map(tables.map(({ name, columns }) => [name, new Set(columns)])), function* (
    name,
    last,
  ) {
    const sequence = numbered.get(name);
    if (sequence !== undefined && last > 0) yield* run("SELECT setval(?::regclass, ?)", sequence.name, last);
  });
  let underWay: Promise<void>[] = [];
  for await (const part of parts) {
    const loading = drive(session, loader.load(part));
    // It is waited for below, in its turn.
    loading.catch(() => undefined);
    underWay.push(loading);
    if (underWay.length < ROWS_UNDER_WAY) continue;
    await Promise.all(underWay);
    underWay = [];
  }
  await Promise.all(underWay);
  await passNumbers(session, tables);
  return loader.rows;
}

/** No number is given twice: not all databases count for all tables. */
async function passNumbers(session: pg.Client, tables: readonly Table[]): Promise<void> {
  for (const { name, sequence } of tables) {
    if (sequence === undefined) continue;
    const last = `(SELECT max(${quoted(sequence.column)}) FROM ${quoted(name)})`;
    await ask(
      session,
      `SELECT setval('${sequence.name}', ${last}) WHERE ${last} > (SELECT last_value FROM ${sequence.name})
        OR (${last} IS NOT NULL AND NOT (SELECT is_called FROM ${sequence.name}))`,
    );
  }
}
