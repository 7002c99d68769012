/** PostgreSQL's errors as ours. */
import { SpellError, messageOf } from "@spell/domain";
import pg from "pg";

/** Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const DISK_FULL = "53100";
const READ_ONLY = "25006";
const TIMED_OUT = "57014";
/** Tables were changed since a statement was prepared. */
const CHANGED = "0A000";
const DAMAGED = new Set(["XX001", "XX002"]);
/** Connection, resources, shutdown and the like, conflicts of transactions, a transaction that was idle too long. */
const PASSING = /^(08|53|57|40|55|25P0[34]|58)/;

/** The session is over, whatever is asked of it; what it was asked last was done or was not. */
export class SessionLost extends Error {
  override name = "SessionLost";
}

/** An error of the vendor's client: one statement's, or the end of the session. */
export function statementError(error: unknown): Error {
  if (error instanceof pg.DatabaseError) {
    const over = error.severity === "FATAL" || error.severity === "PANIC" || error.code === CHANGED;
    return over ? new SessionLost(messageOf(error), { cause: error }) : error;
  }
  return new SessionLost(messageOf(error), { cause: error });
}

/** Our own errors and those that are not the database's pass through; the rest get a name. Texts never hold the password. */
export function databaseError(error: unknown): unknown {
  const text = messageOf(error);
  const options = { cause: error };
  if (error instanceof SessionLost) {
    return new SpellError("unavailable", `The database cannot be reached right now (${text}): try again.`, {
      ...options,
      reason: "database-away",
    });
  }
  if (!(error instanceof pg.DatabaseError)) return error;
  const code = error.code ?? "";
  if (code === DISK_FULL) {
    return new SpellError("exhausted", `The disk of the database is full (${text}): free some space.`, {
      ...options,
      reason: "disk-full",
    });
  }
  if (code === READ_ONLY) {
    return new SpellError("unavailable", `The database takes no writes (${text}): give the one that does.`, {
      ...options,
      reason: "database-read-only",
    });
  }
  if (code === TIMED_OUT) {
    return new SpellError("unavailable", `The database took too long (${text}): try again.`, {
      ...options,
      reason: "database-slow",
    });
  }
  if (PASSING.test(code)) {
    return new SpellError("unavailable", `The database cannot be used right now (${text}): try again.`, {
      ...options,
      reason: "database-away",
    });
  }
  if (DAMAGED.has(code)) {
    return new SpellError("data-loss", `The database is damaged (${text}): restore it from a copy.`, {
      ...options,
      reason: "damaged-record",
    });
  }
  if (code.startsWith("23")) {
    return new SpellError("already-exists", `The record holds this already (${text}).`, options);
  }
  return new SpellError("internal", `The record failed (${text}).`, options);
}
