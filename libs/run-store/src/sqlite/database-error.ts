/** SQLite's errors as ours. */
import { SpellError, messageOf } from "@spell/domain";

/** Primary result codes: SQLITE_FULL, SQLITE_CONSTRAINT. */
const FULL = 13;
const CONSTRAINT = 19;
/** SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR. */
const PASSING = new Set([5, 6, 10]);
/** SQLITE_READONLY, SQLITE_CANTOPEN. */
const UNUSABLE = new Set([8, 14]);
/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);

/** Our own errors and those that are not the database's pass through; the rest get a name. */
export function databaseError(error: unknown): unknown {
  if (error instanceof SpellError || !(error instanceof Error)) return error;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  const text = messageOf(error);
  if (code === "ERR_INVALID_STATE") {
    return new SpellError("unavailable", `The record is closed (${text}): start again.`, { cause: error });
  }
  if (typeof errcode !== "number") return error;
  const primary = errcode & 0xff;
  if (primary === FULL) {
    return new SpellError("exhausted", `The disk of the record is full (${text}): free some space.`, {
      reason: "disk-full",
      cause: error,
    });
  }
  if (PASSING.has(primary)) {
    return new SpellError("unavailable", `The record cannot be reached right now (${text}).`, { cause: error });
  }
  if (UNUSABLE.has(primary)) return unusableFolder(error);
  if (DAMAGED.has(primary)) {
    return new SpellError("data-loss", `The record is damaged or no record at all (${text}): restore it from a copy.`, {
      reason: "damaged-record",
      cause: error,
    });
  }
  if (primary === CONSTRAINT) {
    return new SpellError("already-exists", `The record holds this already (${text}).`, { cause: error });
  }
  return new SpellError("internal", `The record failed (${text}).`, { cause: error });
}

/** The data folder cannot be made, opened or written. */
export function unusableFolder(error: unknown): SpellError {
  const why = messageOf(error);
  return new SpellError("unavailable", `The record cannot be opened or written (${why}): check the data folder.`, {
    reason: "data-folder",
    cause: error,
  });
}
