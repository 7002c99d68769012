/** What the areas of the record run their work on: each driver has one. */
import type { Dialect } from "./dialect.ts";
import type { Sql } from "./statement.ts";

export interface Database {
  readonly dialect: Dialect;
  /** All that the work reads is of one moment. */
  read<T>(work: () => Sql<T>): Promise<T>;
  /**
   * Runs the work as one transaction, after those that were asked for before: nothing else is written while it runs. Resolves once it is
   * durable.
   */
  write<T>(work: () => Sql<T>): Promise<T>;
}
