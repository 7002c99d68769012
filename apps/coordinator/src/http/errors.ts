/** Errors as the HTTP API's clients expect them: `{status, error, code}`, strings only. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
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
  const status = (error as { statusCode?: unknown } | null | undefined)?.statusCode;
  if (typeof status === "number" && status >= 400 && status < 500) {
    return { status, body: { status: "error", error: messageOf(error), code: "bad-request" } };
  }
  return {
    status: 500,
    body: { status: "error", error: "Something went wrong inside Spell; its log tells more.", code: "internal" },
    hidden: error,
  };
}

/** What node:http refuses before there is a request, by its error code; everything else is 400. */
const REFUSALS: Readonly<Record<string, { status: number; error: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, error: "The request did not arrive in time." },
  HPE_HEADER_OVERFLOW: { status: 431, error: "The headers of this request are too large." },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: "The chunk extensions of this request are too large." },
};

/** Answers what is no HTTP request at all, and closes the connection: nobody knows where the next request begins. */
export function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, error: sentence } = REFUSALS[error.code ?? ""] ?? { status: 400, error: "This is no HTTP request." };
  const body = JSON.stringify({ status: "error", error: sentence, code: "bad-request" } satisfies ErrorBody);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nconnection: close\r\ncontent-type: application/json`;
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy());
}
