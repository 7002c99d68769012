/** A moment of the record, held still by a transaction of a session of its own: all else goes on. */
import type pg from "pg";
import type { BackupValue } from "../backup/backup-file.ts";
import type { Snapshot } from "../sql/snapshot.ts";
import { ask, openSession } from "./connection.ts";
import { databaseError } from "./database-error.ts";
import { schemaState } from "./open-database.ts";
import { quoted, tablesOf } from "./tables.ts";
import type { Table } from "./tables.ts";

/** Rows that are in memory at once. */
const ROWS_AT_ONCE = 500;

export async function takeSnapshot(url: string): Promise<Snapshot> {
  let session: pg.Client | undefined;
  try {
    session = await openSession({ url, patient: true });
    await ask(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return await snapshotOf(session);
  } catch (error) {
    session?.end().catch(() => undefined);
    throw databaseError(error);
  }
}

async function snapshotOf(session: pg.Client): Promise<Snapshot> {
  const { version } = await schemaState(session);
  const tables = await tablesOf(session);
  // They belong to no moment: what is given from now on is not in the snapshot.
  const sequences = await sequencesOf(session, tables);
  return {
    schema: version,
    tables,
    rows: ({ name, columns }) => rowsOf(session, name, columns),
    sequences: async () => sequences,
    [Symbol.asyncDispose]: async () => {
      await session.end().catch(() => undefined);
    },
  };
}

async function sequencesOf(session: pg.Client, tables: readonly Table[]): Promise<{ name: string; last: number }[]> {
  const found: { name: string; last: number }[] = [];
  for (const { name, sequence } of tables) {
    if (sequence === undefined) continue;
    const { rows } = await ask(session, `SELECT CASE WHEN is_called THEN last_value END AS last FROM ${sequence.name}`);
    const last = rows[0]?.["last"];
    if (typeof last === "number") found.push({ name, last });
  }
  return found;
}

async function* rowsOf(
  session: pg.Client,
  name: string,
  columns: readonly string[],
): AsyncGenerator<readonly BackupValue[], void, undefined> {
  try {
    const chosen = columns.map(quoted).join(", ");
    await ask(session, `DECLARE each_row NO SCROLL CURSOR FOR SELECT ${chosen} FROM ${quoted(name)}`);
    for (;;) {
      const { rows } = await ask(session, `FETCH ${ROWS_AT_ONCE} FROM each_row`);
      for (const row of rows) yield columns.map((column) => row[column] as BackupValue);
      if (rows.length < ROWS_AT_ONCE) break;
    }
    await ask(session, "CLOSE each_row");
  } catch (error) {
    throw databaseError(error);
  }
}

/** What PostgreSQL has found wrong in its own files. */
export async function faultsOf(session: pg.ClientBase): Promise<string[]> {
  const failures = await ask(
    session,
    "SELECT coalesce(checksum_failures, 0)::bigint AS pages FROM pg_stat_database WHERE datname = current_database()",
  );
  const invalid = await ask(
    session,
    `SELECT indexrelid::regclass::text AS name FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
      WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace`,
  );
  const pages = Number(failures.rows[0]?.["pages"] ?? 0);
  return [
    ...(pages > 0 ? [`${pages} pages whose checksum was wrong`] : []),
    ...invalid.rows.map(({ name }) => `the index ${String(name)} is not valid`),
  ];
}
