/**
 * Group commit over one session: writes that arrive while a transaction is under way share the next one, so one round of the disk pays
 * for many. One at a time, in their order: what was written for a single writer stays true. Each write of several runs in a savepoint
 * of its own: one that fails takes back only itself.
 */
import { SpellError } from "@spell/domain";
import type pg from "pg";
import type { Sql } from "../sql/statement.ts";
import { ask, drive, openSession, send } from "./connection.ts";
import { SessionLost, databaseError } from "./database-error.ts";
import { IN_USE } from "./locks.ts";

interface PendingWrite {
  work: () => Sql<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Of one transaction: what waits behind it is not kept for long. */
const MAX_WRITES = 500;

export class GroupCommit {
  readonly #url: string;
  readonly #guard: (() => Sql<void>) | undefined;
  #client: pg.Client | undefined;
  #pending: PendingWrite[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** `guard` runs first in each transaction; when it throws, nothing of the transaction happens. */
  constructor(url: string, guard?: () => Sql<void>) {
    this.#url = url;
    this.#guard = guard;
  }

  /** The record is in use from now on, whether anybody writes or not. */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** Runs the write in the next transaction; resolves with its value once that is durable. */
  write<T>(work: () => Sql<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, resolve: resolve, reject });
      this.#running ??= this.#commitAll();
    });
  }

  /** Commits what is waiting and ends the session. */
  async close(): Promise<void> {
    await this.#running;
    this.#closed = true;
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }

  async #commitAll(): Promise<void> {
    // After the I/O callbacks of this turn: everything they write joins the group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) await this.#commit(this.#pending.splice(0, MAX_WRITES));
    this.#running = undefined;
  }

  /** Never rejects: each write hears what became of it. */
  async #commit(group: readonly PendingWrite[]): Promise<void> {
    const settled: (() => void)[] = [];
    let client: pg.Client | undefined;
    try {
      client = await this.#connect();
      send(client, "BEGIN");
      if (this.#guard !== undefined) await drive(client, this.#guard());
      for (const write of group) settled.push(await this.#runOne(client, write, group.length > 1));
      const { command } = await ask(client, "COMMIT");
      if (command !== "COMMIT") throw new SessionLost("the transaction was taken back");
    } catch (error) {
      await this.#takeBack(client, error);
      // Also when only the answer to the commit was lost: then nobody knows, and whoever asks again finds out.
      for (const write of group) write.reject(databaseError(error));
      return;
    }
    for (const settle of settled) settle();
  }

  async #runOne(client: pg.Client, write: PendingWrite, amongOthers: boolean): Promise<() => void> {
    if (amongOthers) send(client, "SAVEPOINT one");
    try {
      const value = await drive(client, write.work());
      if (amongOthers) send(client, "RELEASE SAVEPOINT one");
      return () => write.resolve(value);
    } catch (error) {
      if (!amongOthers || error instanceof SessionLost) throw error;
      send(client, "ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one");
      return () => write.reject(databaseError(error));
    }
  }

  async #takeBack(client: pg.Client | undefined, error: unknown): Promise<void> {
    if (client === undefined) return;
    try {
      if (error instanceof SessionLost) throw error;
      await ask(client, "ROLLBACK");
    } catch {
      this.#client = undefined;
      // It may hang on a network that swallows everything: nobody waits for it.
      client.end().catch(() => undefined);
    }
  }

  async #connect(): Promise<pg.Client> {
    if (this.#closed) throw new SessionLost("the record is closed");
    if (this.#client !== undefined) return this.#client;
    const onEnd = (): void => {
      if (this.#client === client) this.#client = undefined;
    };
    const client = await openSession({ url: this.#url, onEnd });
    const { rows } = await ask(client, `SELECT pg_try_advisory_lock_shared(${IN_USE}) AS free`);
    if (rows[0]?.["free"] !== "t") {
      client.end().catch(() => undefined);
      const message = "The record is being made anew from a backup: start again when that has ended.";
      throw new SpellError("unavailable", message, { reason: "record-in-use" });
    }
    this.#client = client;
    return client;
  }
}
