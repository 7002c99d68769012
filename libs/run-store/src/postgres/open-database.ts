/** Looks at a database before it is used, and brings its schema up to date. */
import { SpellError, conflict } from "@spell/domain";
import type pg from "pg";
import { listMigrations, planMigrations } from "../sql/migrations.ts";
import type { SchemaState } from "../sql/migrations.ts";
import { ask, openSession } from "./connection.ts";
import { MIGRATING } from "./locks.ts";
import { openingError } from "./opening-error.ts";
import type { Place } from "./place.ts";
import { tablesOf } from "./tables.ts";

export const MIGRATIONS = listMigrations(new URL("./migrations/", import.meta.url));
/** Identity columns, and all that the statements use. */
const OLDEST_VERSION = 130_000;

/** Throws what is wrong with it, in a sentence: `conflict` for a newer schema, else as openingError. */
export async function openDatabase(place: Place): Promise<void> {
  let session: pg.Client | undefined;
  try {
    session = await openSession({ url: place.url, patient: true });
    await check(session, place);
    await ask(session, "BEGIN");
    await migrate(session, place);
    await ask(session, "COMMIT");
  } catch (error) {
    throw openingError(error, place);
  } finally {
    await session?.end().catch(() => undefined);
  }
}

/** Throws when it cannot hold a record, whatever is in it. */
export async function check(session: pg.Client, { name }: Place): Promise<void> {
  const { rows } = await ask(
    session,
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only,
       current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`,
  );
  const { standby, read_only: readOnly, version, encoding } = rows[0] ?? {};
  if (Number(version) < OLDEST_VERSION) {
    throw conflict(`${name} is PostgreSQL ${String(version)}: version 13 or newer is needed.`, "database-too-old");
  }
  if (encoding !== "UTF8") {
    const message = `The texts of ${name} are kept in ${String(encoding)}: make one with encoding UTF8.`;
    throw conflict(message, "database-encoding");
  }
  if (standby === "t" || readOnly === "on") {
    const message = `${name} takes no writes (${standby === "t" ? "it follows another server" : "it is read-only"}).`;
    throw new SpellError("unavailable", `${message} Give the one that does.`, { reason: "database-read-only" });
  }
}

/** Part of a transaction. Of several that open the database at once, one migrates and the others wait. `upTo`: no further than that. */
export async function migrate(session: pg.Client, { name }: Place, upTo?: number): Promise<void> {
  await ask(session, `SELECT pg_advisory_xact_lock(${MIGRATING})`);
  const state = await schemaState(session);
  if (state.version === 0 && (await tablesOf(session)).length > 0) {
    throw conflict(`${name} holds tables of something else: give Spell a database of its own.`, "database-not-empty");
  }
  const { pending, then } = planMigrations(name, state, MIGRATIONS, upTo);
  if (pending.length === 0) return;
  for (const { sql } of pending) await ask(session, sql);
  await ask(
    session,
    `CREATE TABLE IF NOT EXISTS record_schema (version BIGINT NOT NULL, compatible_from BIGINT NOT NULL);
      DELETE FROM record_schema;
      INSERT INTO record_schema VALUES (${then.version}, ${then.compatibleFrom})`,
  );
}

export async function schemaState(session: pg.ClientBase): Promise<SchemaState> {
  const { rows } = await ask(session, "SELECT to_regclass('record_schema') IS NOT NULL AS known");
  if (rows[0]?.["known"] !== "t") return { version: 0, compatibleFrom: 0 };
  const row = (await ask(session, "SELECT version, compatible_from FROM record_schema")).rows[0];
  return { version: Number(row?.["version"] ?? 0), compatibleFrom: Number(row?.["compatible_from"] ?? 0) };
}
