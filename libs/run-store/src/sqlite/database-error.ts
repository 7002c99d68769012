/** SQLite's errors as ours. */
import { SpellError, messageOf } from "@spell/domain";

/** SQLITE_FULL, SQLITE_IOERR, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_CANTOPEN, SQLITE_READONLY: primary result codes. */
const FULL = 13;
const PASSING = new Set([5, 6, 10]);
const UNUSABLE = new Set([8, 14]);

/** Passes our own errors through and names the rest. */
export function databaseError(error: unknown): unknown {
  if (error instanceof SpellError || !(error instanceof Error)) return error;
  const code = (error as { errcode?: unknown }).errcode;
  if (typeof code !== "number") return error;
  const primary = code & 0xff;
  const text = messageOf(error);
  if (primary === FULL) {
    return new SpellError("exhausted", `The disk of the record is full (${text}): free some space.`, {
      reason: "disk-full",
      cause: error,
    });
  }
  if (PASSING.has(primary)) {
    return new SpellError("unavailable", `The record cannot be reached right now (${text}).`, { cause: error });
  }
  if (UNUSABLE.has(primary)) {
    return new SpellError("unavailable", `The record cannot be opened or written (${text}): check the data folder.`, {
      reason: "data-folder",
      cause: error,
    });
  }
  return error;
}
