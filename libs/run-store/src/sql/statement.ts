/**
 * SQL for any database. A piece of work is a generator: it yields statements and is given their answers. Whoever holds a connection
 * drives it, at once or as the answers arrive.
 */

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
  return (yield { kind: "find", text, values }) as Row | undefined;
}

/** The first row; a bug if there is none. */
export function* one(text: string, ...values: SqlValue[]): Sql<Row> {
  const row = yield* find(text, ...values);
  if (row === undefined) throw new Error(`no row: ${text}`);
  return row;
}

export function* all(text: string, ...values: SqlValue[]): Sql<Row[]> {
  return (yield { kind: "all", text, values }) as Row[];
}

/** How many rows it changed. */
export function* run(text: string, ...values: SqlValue[]): Sql<number> {
  return (yield { kind: "run", text, values }) as number;
}
