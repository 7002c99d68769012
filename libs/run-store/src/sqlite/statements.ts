/** Prepared statements, each compiled once. What goes wrong is thrown as our own error. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { databaseError } from "./database-error.ts";
import type { Row } from "./rows.ts";

export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs a statement; how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#named(() => Number(this.#statement(sql).run(...values).changes));
  }

  /** The first row, if any. */
  find(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#named(() => this.#statement(sql).get(...values));
  }

  /** The first row; a bug if there is none. */
  one(sql: string, ...values: SQLInputValue[]): Row {
    const row = this.find(sql, ...values);
    if (row === undefined) throw new Error(`no row: ${sql}`);
    return row;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#named(() => this.#statement(sql).all(...values));
  }

  #named<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw databaseError(error);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
