/** The record in one SQLite file. Reads are direct; every write goes through the group commit. */
import { sqlRunStore } from "../sql/run-store.ts";
import type { Sql } from "../sql/statement.ts";
import type { RunStore } from "../run-store.ts";
import { sqliteDialect } from "./dialect.ts";
import { GroupCommit } from "./group-commit.ts";
import { openDatabase } from "./open-database.ts";
import { faultsOf, takeSnapshot } from "./snapshot.ts";
import { Statements } from "./statements.ts";

/**
 * Opens (or makes) the record at this path. Throws `unavailable` reason `data-folder` when it cannot, `conflict` for a newer
 * schema, `data-loss` for a file that is damaged or no record.
 */
export function openSqliteRunStore(path: string): RunStore {
  const file = openDatabase(path);
  const statements = new Statements(file);
  const group = new GroupCommit(file);
  const database = {
    dialect: sqliteDialect,
    read: async <T>(work: () => Sql<T>) => statements.drive(work()),
    write: <T>(work: () => Sql<T>) => group.write(() => statements.drive(work())),
  };
  return sqlRunStore(database, {
    takeSnapshot: async () => {
      group.flush();
      return takeSnapshot(file, path);
    },
    faults: async () => faultsOf(file),
    close: async () => {
      group.flush();
      if (file.isOpen) file.close();
    },
  });
}
