/**
 * SQL for any database. A piece of work is a generator: it yields statements and is given their answers. Whoever holds a connection
 * drives it, at once or as the answers arrive.
 */

import { invalidInput } from "@spell/domain";

export type SqlValue = string | number | null;

/** A row as every driver gives it: whole numbers as numbers, JSON as text. */
export type Row = Record<string, unknown>;

export interface Statement {
  /** What is wanted of it: the first row, all rows, or how many rows it changed. */
  readonly kind: "find" | "all" | "run";
  /** With a question mark for each value. The same work has the same text: drivers keep statements prepared. */
  readonly text: string;
  readonly values: readonly SqlValue[];
}

export type Answer = Row | Row[] | number | undefined;

/** Work that comes to a T. */
export type Sql<T> = Generator<Statement, T, Answer>;

/** The first row, if any. */
export function* find(text: string, ...values: SqlValue[]): Sql<Row | undefined> {
  if (findsNothing(text, values)) return undefined;
  return (yield { kind: "find", text, values: checked(values) }) as Row | undefined;
}

/** The first row; a bug if there is none. */
export function* one(text: string, ...values: SqlValue[]): Sql<Row> {
  const row = yield* find(text, ...values);
  if (row === undefined) throw new Error(`no row: ${text}`);
  return row;
}

export function* all(text: string, ...values: SqlValue[]): Sql<Row[]> {
  if (findsNothing(text, values)) return [];
  return (yield { kind: "all", text, values: checked(values) }) as Row[];
}

/** How many rows it changed. */
export function* run(text: string, ...values: SqlValue[]): Sql<number> {
  return (yield { kind: "run", text, values: checked(values) }) as number;
}

/** No text in the record holds NUL, and PostgreSQL cannot even be asked for one. */
function findsNothing(text: string, values: readonly SqlValue[]): boolean {
  return text.startsWith("SELECT") && values.some((value) => typeof value === "string" && value.includes("\0"));
}

/** What one of the databases could not keep, all refuse: NUL in a text, and what is no whole number of at most 53 bits. */
function checked(values: SqlValue[]): SqlValue[] {
  for (const value of values) {
    if (typeof value === "string") {
      if (value.includes("\0")) throw invalidInput("A text holds a NUL character: leave it out.", "nul-in-text");
    } else if (value !== null && !Number.isSafeInteger(value)) {
      throw invalidInput(
        `The number ${value} cannot be kept: give a whole one of at most 53 bits.`,
        "number-out-of-range",
      );
    }
  }
  return values;
}
