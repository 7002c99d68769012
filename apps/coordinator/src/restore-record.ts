/** Makes the record of a coordinator that does not run from a backup. */
import { createReadStream } from "node:fs";
import { invalidInput, messageOf } from "@spell/domain";
import type { OpenBackup } from "@spell/run-store";
import { readBackup } from "@spell/run-store";
import { restoreSqliteRecord } from "@spell/run-store/sqlite";

/** What was done, as a sentence. Throws what is wrong with the backup or in the way of it; then nothing has changed. */
export async function restoreRecord(
  { path, database }: { path: string; database?: string },
  { file, replace }: { file: string; replace: boolean },
  now: Date,
): Promise<string> {
  const backup = await openBackup(file);
  const before = `before-${now.toISOString().replaceAll(":", "-")}`;
  const rows =
    database === undefined
      ? await restoreSqliteRecord(path, backup, { keepAs: replace ? `${path}.${before}` : undefined })
      : await restoreInto(database, backup, replace ? before : undefined);
  return `Restored ${rows} rows of ${new Date(backup.header.createdAtMs).toISOString()}.`;
}

async function restoreInto(database: string, backup: OpenBackup, keepAs: string | undefined): Promise<number> {
  const { restorePostgresRecord } = await import("@spell/run-store/postgres");
  return restorePostgresRecord(database, backup, { keepAs });
}

async function openBackup(file: string): Promise<OpenBackup> {
  try {
    return await readBackup(createReadStream(file));
  } catch (error) {
    if (!/ENOENT|EACCES|EISDIR/.test(messageOf(error))) throw error;
    throw invalidInput(`Cannot read the backup: ${messageOf(error)}.`, "unreadable");
  }
}
