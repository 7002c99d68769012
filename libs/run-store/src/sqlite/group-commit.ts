/**
 * Group commit: writes that arrive together share one transaction, so one fsync pays for many of them (an fsync costs
 * milliseconds on a real disk). Each write runs in a savepoint of its own: one that fails takes back only itself.
 */
import type { DatabaseSync } from "node:sqlite";
import { databaseError } from "./database-error.ts";

interface PendingWrite {
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class GroupCommit {
  readonly #db: DatabaseSync;
  #pending: PendingWrite[] = [];
  #scheduled = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs the write in the next group; resolves with its value once the group is durable. */
  write<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ run, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // After the I/O callbacks of this turn: everything they write joins the group.
      setImmediate(() => this.flush());
    });
  }

  /** Commits what is waiting, now. */
  flush(): void {
    this.#scheduled = false;
    const group = this.#pending;
    this.#pending = [];
    if (group.length === 0) return;
    const settled: (() => void)[] = [];
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      for (const write of group) settled.push(this.#runOne(write));
      this.#db.exec("COMMIT");
    } catch (error) {
      for (const write of group) write.reject(databaseError(error));
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
      return;
    }
    for (const settle of settled) settle();
  }

  #runOne(write: PendingWrite): () => void {
    this.#db.exec("SAVEPOINT one");
    try {
      const value = write.run();
      this.#db.exec("RELEASE one");
      return () => write.resolve(value);
    } catch (error) {
      // Some errors (a full disk) make SQLite take back the whole transaction by itself: then the group has failed.
      if (!this.#db.isTransaction) throw error;
      this.#db.exec("ROLLBACK TO one; RELEASE one");
      return () => write.reject(databaseError(error));
    }
  }
}
