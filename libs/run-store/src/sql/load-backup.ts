/** Fills empty tables with the rows of a backup. */
import { SpellError } from "@spell/domain";
import type { BackupPart, BackupValue } from "../backup/backup-file.ts";
import { SEQUENCES } from "./snapshot.ts";
import type { Sql } from "./statement.ts";
import { run } from "./statement.ts";

/** What a backup may be loaded into: the columns of each table. */
export type TableColumns = ReadonlyMap<string, ReadonlySet<string>>;

/** What one part asks for, one after the other. */
export class BackupLoader {
  rows = 0;
  readonly #tables: TableColumns;
  readonly #setSequence: (name: string, last: number) => Sql<void>;
  #insert = "";
  #isSequences = false;

  constructor(tables: TableColumns, setSequence: (name: string, last: number) => Sql<void>) {
    this.#tables = tables;
    this.#setSequence = setSequence;
  }

  /** Throws data-loss (`damaged-backup`) for a table that its schema does not have. */
  *load(part: BackupPart): Sql<void> {
    if (part.kind === "table") this.#begin(part.name, part.columns);
    else if (this.#isSequences) yield* this.#sequence(part.values);
    else {
      yield* run(this.#insert, ...part.values);
      this.rows += 1;
    }
  }

  #begin(name: string, columns: readonly string[]): void {
    this.#isSequences = name === SEQUENCES.name;
    if (this.#isSequences) return;
    const known = this.#tables.get(name);
    if (known === undefined || columns.some((column) => !known.has(column))) {
      throw new SpellError("data-loss", `The backup has a table "${name}" that its schema does not have.`, {
        reason: "damaged-backup",
      });
    }
    const places = columns.map(() => "?").join(", ");
    this.#insert = `INSERT INTO ${name} (${columns.map((column) => `"${column}"`).join(", ")}) VALUES (${places})`;
  }

  *#sequence([name, last]: readonly BackupValue[]): Sql<void> {
    if (typeof name === "string" && this.#tables.has(name) && Number.isSafeInteger(last)) {
      yield* this.#setSequence(name, Number(last));
    }
  }
}
