/** Reads: each on one of a few sessions, and all of it of one moment. */
import pg from "pg";
import type { Sql } from "../sql/statement.ts";
import { ask, connectionOptions, drive, send } from "./connection.ts";
import { SessionLost, databaseError, statementError } from "./database-error.ts";

/** Sessions of one coordinator, beside the one that writes. */
const SESSIONS = 6;

export class Readers {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ ...connectionOptions(url), max: SESSIONS });
    // One that waited for work and was lost: the pool makes another when it needs one.
    this.#pool.on("error", () => undefined);
    // One that is lost between two statements tells nobody else, and an error that nobody listens to would end the process.
    this.#pool.on("connect", (client) => client.on("error", () => undefined));
  }

  read<T>(work: () => Sql<T>): Promise<T> {
    return this.use((session) => drive(session, work()));
  }

  /** Work of any kind that reads only, on a session that is its own until it resolves. */
  async use<T>(work: (session: pg.ClientBase) => Promise<T>): Promise<T> {
    try {
      return await this.#once(work).catch((error: unknown) => {
        // It was lost while nobody looked, or just now: to read twice does no harm.
        if (error instanceof SessionLost && !this.#pool.ending) return this.#once(work);
        throw error;
      });
    } catch (error) {
      throw databaseError(error);
    }
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #once<T>(work: (session: pg.ClientBase) => Promise<T>): Promise<T> {
    if (this.#pool.ending) throw new SessionLost("the record is closed");
    const session = await this.#pool.connect().catch((error: unknown) => {
      throw statementError(error);
    });
    let lost = false;
    try {
      send(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      const value = await work(session);
      await ask(session, "COMMIT");
      return value;
    } catch (error) {
      lost = error instanceof SessionLost;
      if (!lost) send(session, "ROLLBACK");
      throw error;
    } finally {
      session.release(lost);
    }
  }
}
