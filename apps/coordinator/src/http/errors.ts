/** Errors as the HTTP API's clients expect them: `{status, error, code}`, strings only. */
import type { ErrorCode } from "@spell/domain";
import { SpellError, messageOf } from "@spell/domain";

const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  "invalid-input": 400,
  "not-found": 404,
  "already-exists": 409,
  conflict: 409,
  "stale-lease": 409,
  unauthenticated: 401,
  forbidden: 403,
  exhausted: 429,
  unavailable: 503,
  "data-loss": 500,
  internal: 500,
};

export interface ErrorBody {
  status: string;
  error: string;
  code: string;
}

/** Status and body for anything that was thrown; `hidden` is what must be logged instead of shown. */
export function toHttpError(error: unknown): { status: number; body: ErrorBody; hidden?: unknown } {
  if (error instanceof SpellError && error.code !== "internal") {
    const status = HTTP_STATUS[error.code];
    return { status, body: { status: "error", error: error.message, code: error.reason } };
  }
  // Errors that the HTTP library itself makes of a malformed request.
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === "number" && status >= 400 && status < 500) {
    return { status, body: { status: "error", error: messageOf(error), code: "bad-request" } };
  }
  return {
    status: 500,
    body: { status: "error", error: "Something went wrong inside Spell; its log tells more.", code: "internal" },
    hidden: error,
  };
}
