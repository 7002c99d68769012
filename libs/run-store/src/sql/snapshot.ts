/** All that the record holds at one moment, table by table. Each driver has its own way to hold that moment still. */
import type { BackupPart, BackupValue } from "../backup/backup-file.ts";

export interface Snapshot extends AsyncDisposable {
  /** Number of the newest migration that its tables have. */
  schema: number;
  tables: readonly { name: string; columns: readonly string[] }[];
  /** In any order. */
  rows(table: { name: string; columns: readonly string[] }): AsyncIterable<readonly BackupValue[]>;
  /** Of the tables that number their rows: the highest number each has ever given. */
  sequences(): Promise<readonly { name: string; last: number }[]>;
}

/** The pseudo table that the numbers are kept in. */
export const SEQUENCES = { name: "sequences", columns: ["name", "last"] } as const;

/** A snapshot as the parts of a backup; it is given up at the end, or when nobody reads on. */
export async function* snapshotParts(snapshot: Snapshot): AsyncGenerator<BackupPart, void, undefined> {
  await using held = snapshot;
  for (const table of held.tables) {
    yield { kind: "table", ...table };
    for await (const values of held.rows(table)) yield { kind: "row", values };
  }
  yield { kind: "table", ...SEQUENCES };
  for (const { name, last } of await held.sequences()) yield { kind: "row", values: [name, last] };
}
