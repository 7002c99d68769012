/**
 * Leadership of a farm's coordinators in PostgreSQL: one row that says who leads in which epoch, and the beat that a leader raises.
 *
 * The epoch is the row's key, and each transaction of a leader holds a key share of the row: beats pass it, taking over does not. So when
 * an epoch is over, so is every transaction of it, and none begins. It is read and written over a session of its own, which waits for
 * nothing that the record does.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import type { Sql } from "../sql/statement.ts";
import { find } from "../sql/statement.ts";
import { databaseError, statementError } from "./database-error.ts";
import { COORDINATING } from "./locks.ts";
import { openingError } from "./opening-error.ts";
import { parsePlace } from "./place.ts";

/** The leader would rather try again: a beat that is late is none. */
const ANSWER_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * Beside the record, in a schema of its own: a standby reads it before it knows whether the record is of its version, and it belongs to no
 * backup.
 */
const SCHEMA = `
  SELECT pg_advisory_xact_lock(${COORDINATING});
  CREATE SCHEMA IF NOT EXISTS coordination;
  CREATE TABLE IF NOT EXISTS coordination.leadership (
    epoch BIGINT PRIMARY KEY, beat BIGINT NOT NULL, holder TEXT NOT NULL, session TEXT NOT NULL, address TEXT NOT NULL,
    only_row BOOLEAN NOT NULL DEFAULT true UNIQUE CHECK (only_row));
  INSERT INTO coordination.leadership (epoch, beat, holder, session, address) VALUES (0, 0, '', '', '') ON CONFLICT DO NOTHING;
  CREATE TABLE IF NOT EXISTS coordination.coordinators (
    holder TEXT PRIMARY KEY, coordinator TEXT NOT NULL, api TEXT NOT NULL, seen_at TIMESTAMPTZ NOT NULL);
  CREATE TABLE IF NOT EXISTS coordination.secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);`;

/** One that was not heard of for a day is no more. The database's clock, and a hint only. */
const KNOWN_FOR = "interval '1 day'";

/** What the row says. */
export interface LeadershipRow {
  epoch: number;
  beat: number;
  /** Empty: nobody leads. */
  holder: string;
  /** gRPC address of the holder. */
  address: string;
}

export interface CoordinatorAddress {
  /** gRPC, HOST:PORT. */
  coordinator: string;
  /** HTTP base URL. */
  api: string;
}

export class LeadershipRecord {
  /** For the record's own sessions: by its name the database ends them when another one takes over. */
  readonly url: string;
  readonly #holder: string;
  readonly #session = `spell-coordinator-${randomBytes(8).toString("hex")}`;
  #client: Promise<pg.Client> | undefined;

  /** `holder`: who this coordinator is, also after it was started again. */
  constructor(url: string, holder: string) {
    parsePlace(url);
    const named = new URL(url);
    named.searchParams.set("application_name", this.#session);
    this.url = named.href;
    this.#holder = holder;
  }

  /** Makes what is missing. Throws what is wrong with the database in a sentence. */
  async prepare(): Promise<void> {
    try {
      await this.#query(`BEGIN; ${SCHEMA}; COMMIT`);
    } catch (error) {
      throw openingError(error, parsePlace(this.url));
    }
  }

  async read(): Promise<LeadershipRow> {
    const row = (await this.#query("SELECT * FROM coordination.leadership")).rows[0] ?? {};
    return {
      epoch: Number(row["epoch"]),
      beat: Number(row["beat"]),
      holder: String(row["holder"]),
      address: String(row["address"]),
    };
  }

  /** Takes over if nothing has changed since; the new epoch, or undefined. What the former leader has not committed is taken back. */
  async take(seen: { epoch: number; beat: number }, address: string): Promise<number | undefined> {
    await this.#query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity, coordination.leadership
       WHERE datname = current_database() AND application_name = session AND session <> '' AND session <> $3
         AND epoch = $1 AND beat = $2`,
      [seen.epoch, seen.beat, this.#session],
    );
    const { rows } = await this.#query(
      `UPDATE coordination.leadership SET epoch = epoch + 1, beat = 0, holder = $3, session = $4, address = $5
       WHERE epoch = $1 AND beat = $2 RETURNING epoch`,
      [seen.epoch, seen.beat, this.#holder, this.#session, address],
    );
    return rows[0] === undefined ? undefined : Number(rows[0]["epoch"]);
  }

  /** How many coordinators are known, this one among them; 0: another one leads. */
  async beat(epoch: number): Promise<number> {
    const { rows } = await this.#query(
      `UPDATE coordination.leadership SET beat = beat + 1 WHERE epoch = $1
       RETURNING (SELECT count(DISTINCT coordinator) FROM coordination.coordinators) AS known`,
      [epoch],
    );
    return rows[0] === undefined ? 0 : Math.max(1, Number(rows[0]["known"]));
  }

  /** Nobody has to wait for this leader any more. */
  async resign(epoch: number): Promise<void> {
    await this.#query(
      "UPDATE coordination.leadership SET holder = '', address = '', beat = beat + 1 WHERE epoch = $1",
      [epoch],
    );
  }

  /** Says that this coordinator is there, and tells which there are, this one first. */
  async announce({ coordinator, api }: CoordinatorAddress): Promise<CoordinatorAddress[]> {
    await this.#query(
      `INSERT INTO coordination.coordinators (holder, coordinator, api, seen_at) VALUES ($1, $2, $3, now())
       ON CONFLICT (holder) DO UPDATE SET coordinator = $2, api = $3, seen_at = now()`,
      [this.#holder, coordinator, api],
    );
    await this.#query(`DELETE FROM coordination.coordinators WHERE seen_at < now() - ${KNOWN_FOR}`);
    const { rows } = await this.#query(
      "SELECT coordinator, api FROM coordination.coordinators GROUP BY coordinator, api ORDER BY max(seen_at) DESC",
    );
    const others = rows.map((row) => ({ coordinator: String(row["coordinator"]), api: String(row["api"]) }));
    return [{ coordinator, api }, ...others.filter((other) => other.coordinator !== coordinator)];
  }

  /** Values that all coordinators share: those that were kept first. */
  async secrets(made: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    for (const [name, value] of Object.entries(made)) {
      await this.#query("INSERT INTO coordination.secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
        name,
        value,
      ]);
    }
    const { rows } = await this.#query("SELECT name, value FROM coordination.secrets");
    return Object.fromEntries(rows.map((row) => [String(row["name"]), String(row["value"])]));
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  /** One after the other. A session on which something went wrong is given up: what is still under way on it must not follow later. */
  async #query(text: string, values: unknown[] = []): Promise<pg.QueryResult<Record<string, unknown>>> {
    const opening = (this.#client ??= this.#open());
    try {
      const client = await opening;
      return await (values.length === 0 ? client.query(text) : client.query(text, values));
    } catch (error) {
      if (this.#client === opening) this.#client = undefined;
      opening.then((client) => client.end()).catch(() => undefined);
      throw databaseError(statementError(error));
    }
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      // A beat that a crash of the database loses was none; waiting for its disk would make beats late. Whatever a leader commits
      // brings what stands before it in the database's log to the disk, its own taking over among it.
      options: "-c synchronous_commit=off",
    });
    client.on("error", () => (this.#client = undefined));
    await client.connect();
    return client;
  }
}

/** First in each transaction of a leader: while it is under way the epoch cannot end. `refuse` makes the error where it has ended. */
export function leaderGuard(epoch: number, refuse: () => Error): () => Sql<void> {
  return function* () {
    const row = yield* find("SELECT epoch FROM coordination.leadership WHERE epoch = ? FOR KEY SHARE", epoch);
    if (row === undefined) throw refuse();
  };
}
