/** Runs work on SQLite, at once. Each statement is compiled once; what goes wrong is thrown as our own error. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Answer, Sql, Statement } from "../sql/statement.ts";
import { databaseError } from "./database-error.ts";

export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Does the work to its end. A statement that fails ends it. */
  drive<T>(work: Sql<T>): T {
    let step = work.next();
    while (step.done !== true) step = work.next(this.#execute(step.value));
    return step.value;
  }

  #execute({ kind, text, values }: Statement): Answer {
    try {
      const statement = this.#statement(text);
      if (kind === "find") return statement.get(...values);
      if (kind === "all") return statement.all(...values);
      return Number(statement.run(...values).changes);
    } catch (error) {
      throw databaseError(error);
    }
  }

  #statement(text: string): StatementSync {
    let statement = this.#prepared.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#prepared.set(text, statement);
    }
    return statement;
  }
}
