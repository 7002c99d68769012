/**
 * The one error type of the product. Its `code` decides what a caller does about it; `reason` is a stable
 * machine-readable detail; the message says what happened, why, and what to do.
 */

/** What kind of failure: each maps to one gRPC status and one HTTP status (libs/rpc, coordinator/http). */
export const ERROR_CODES = [
  "invalid-input", // the caller must change the request
  "not-found",
  "already-exists",
  "conflict", // not now: until the state changes
  "stale-lease", // the agent no longer holds the attempt and must abandon it
  "unauthenticated",
  "forbidden",
  "exhausted", // a limit; retry slowly
  "unavailable", // ours, passing; retry
  "data-loss", // bytes do not match their digest
  "internal", // a bug
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error with a code that crosses process boundaries unchanged. */
export class SpellError extends Error {
  readonly code: ErrorCode;
  /** Stable detail such as `unknown-machine-type`; equals the code when there is none. */
  readonly reason: string;

  constructor(code: ErrorCode, message: string, options?: { reason?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SpellError";
    this.code = code;
    this.reason = options?.reason ?? code;
  }
}

/** The caller must change the request. */
export function invalidInput(message: string, reason?: string): SpellError {
  return new SpellError("invalid-input", message, { reason });
}

/** The thing named does not exist, or the caller may not know that it does. */
export function notFound(message: string, reason?: string): SpellError {
  return new SpellError("not-found", message, { reason });
}

/** Refused in the present state. */
export function conflict(message: string, reason?: string): SpellError {
  return new SpellError("conflict", message, { reason });
}

/** True for a SpellError of this code, also from another copy of this package. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof Error && error.name === "SpellError" && (error as SpellError).code === code;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For the end of a switch over a union: the compiler proves that nothing is left. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
