/** The record itself, copied and checked while it is in use. */
import type { BackupHeader, BackupPart } from "./backup/backup-file.ts";

/** What one rule of the record came to. */
export interface CheckedRule {
  /** Stable name, such as `ended-runs-have-reasons`. */
  rule: string;
  /** What should always hold, as a sentence. */
  sentence: string;
  /** What breaks it, such as `run 7`: the first of them. */
  brokenBy: string[];
  /** How many do. */
  broken: number;
}

export interface UpkeepStore {
  /** All rows of all tables as they are at one moment; writes go on meanwhile. To be read to its end or closed. */
  backup(): Promise<{ header: Omit<BackupHeader, "createdAtMs">; parts: AsyncIterable<BackupPart> }>;
  /** Each rule in turn, as of its own moment. */
  check(): AsyncIterable<CheckedRule>;
}
