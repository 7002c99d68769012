/** The record in a PostgreSQL database. Reads go to a few sessions, writes through the group commit over one. */
import type { RunStore } from "../run-store.ts";
import { sqlRunStore } from "../sql/run-store.ts";
import type { Sql } from "../sql/statement.ts";
import { postgresDialect } from "./dialect.ts";
import { GroupCommit } from "./group-commit.ts";
import { openDatabase } from "./open-database.ts";
import { parsePlace } from "./place.ts";
import { Readers } from "./readers.ts";
import { faultsOf, takeSnapshot } from "./snapshot.ts";

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE` */
  url: string;
  /** Runs first in each transaction that writes; when it throws, nothing of the transaction happens and each write fails with that. */
  guard?: () => Sql<void>;
}

/**
 * Opens the record in this database, and makes its tables if there are none. Throws what is wrong in a sentence: `invalid-input` for the URL,
 * `forbidden` for the user, `unavailable` for the server, `conflict` for a newer schema.
 */
export async function openPostgresRunStore({ url, guard }: PostgresOptions): Promise<RunStore> {
  await openDatabase(parsePlace(url));
  const group = new GroupCommit(url, guard);
  await group.open();
  const readers = new Readers(url);
  const database = {
    dialect: postgresDialect,
    read: <T>(work: () => Sql<T>) => readers.read(work),
    write: <T>(work: () => Sql<T>) => group.write(work),
  };
  return sqlRunStore(database, {
    takeSnapshot: () => takeSnapshot(url),
    faults: () => readers.use(faultsOf),
    close: async () => {
      await group.close();
      await readers.close();
    },
  });
}
