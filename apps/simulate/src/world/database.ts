/**
 * `node:sqlite` for the record: one real database in memory, which outlives the coordinators that open it as a file does. It is made
 * and migrated once and emptied between worlds. A coordinator may be killed before a commit and after it.
 */
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import type { SimProcess } from "./world.ts";
import { currentProcess, world } from "./world.ts";

/** As of SQLite for a disk without room. */
const FULL = 13;

class SharedDatabase {
  readonly real = new DatabaseSync(":memory:");
  readonly statements = new Map<string, StatementSync>();
  /** Rows that the migrations themselves put in, by table. */
  seeded: { table: string; rows: Record<string, SQLInputValue>[] }[] | undefined;
  /** Grows with every commit. */
  commits = 0;
  isFull = false;

  statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.real.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  /** As it was after the migrations. */
  empty(): void {
    if (this.real.isTransaction) this.real.exec("ROLLBACK");
    this.real.exec("PRAGMA foreign_keys = OFF");
    const all = this.statement("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_stat1'").all();
    const tables = all.map((row) => String(row["name"]));
    this.seeded ??= tables.map((table) => ({
      table,
      rows: this.real.prepare(`SELECT * FROM "${table}"`).all(),
    }));
    this.real.exec("BEGIN");
    for (const { table, rows } of this.seeded) {
      this.statement(`DELETE FROM "${table}"`).run();
      for (const row of rows) {
        const names = Object.keys(row);
        const sql = `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
        this.statement(sql).run(...Object.values(row));
      }
    }
    this.real.exec("COMMIT; PRAGMA foreign_keys = ON");
    this.isFull = false;
  }
}

export const shared = new SharedDatabase();

/** The database as one coordinator has it open. */
class OpenDatabase {
  readonly #process: SimProcess | undefined = currentProcess();
  isOpen = true;

  constructor() {
    // Whatever a killed coordinator had begun is taken back.
    if (shared.real.isTransaction) shared.real.exec("ROLLBACK");
  }

  get isTransaction(): boolean {
    return this.#process?.alive !== false && shared.real.isTransaction;
  }

  exec(sql: string): void {
    this.#check();
    if (/^\s*PRAGMA (?:locking_mode|journal_mode|synchronous)/.test(sql)) return;
    if (sql !== "COMMIT") return shared.real.exec(sql);
    world().effect(this.#process);
    if (shared.isFull)
      throw Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: FULL });
    shared.real.exec(sql);
    shared.commits++;
    // Killed after the commit, before anybody was told.
    world().effect(this.#process);
  }

  prepare(sql: string): object {
    this.#check();
    const statement = shared.statement(sql);
    const checked = <T>(run: (...values: SQLInputValue[]) => T) => {
      return (...values: SQLInputValue[]): T => {
        this.#check();
        return run(...values);
      };
    };
    return {
      run: checked((...values) => statement.run(...values)),
      get: checked((...values) => statement.get(...values)),
      all: checked((...values) => statement.all(...values)),
    };
  }

  close(): void {
    this.isOpen = false;
  }

  #check(): void {
    // Dead code may still run on: it must not touch what a later coordinator has begun.
    if (this.#process?.alive === false) world().effect(this.#process);
  }
}

export const sqliteModule = { DatabaseSync: OpenDatabase };
