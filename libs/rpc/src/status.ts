/**
 * The one table between SpellError codes and gRPC statuses, used by servers (`toServiceError`) and clients
 * (`fromServiceError`). The reason code travels as metadata, so nobody matches on text.
 */
import { randomUUID } from "node:crypto";
import { Metadata, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { SpellError, messageOf } from "@spell/domain";
import type { ErrorCode } from "@spell/domain";

/** Metadata key of the stable reason code. Its presence says that the error was made by Spell, not by the transport. */
export const REASON_METADATA_KEY = "spell-reason";
/** Metadata key of the id under which the server logged an internal error. */
export const CORRELATION_METADATA_KEY = "spell-correlation-id";

/** A message travels in a trailer: one that is much longer than this would break the whole connection. */
const MAX_MESSAGE_CHARACTERS = 2_000;

/** gRPC status of every error code. */
export const STATUS_OF_CODE: Readonly<Record<ErrorCode, status>> = {
  "invalid-input": status.INVALID_ARGUMENT,
  "not-found": status.NOT_FOUND,
  "already-exists": status.ALREADY_EXISTS,
  conflict: status.FAILED_PRECONDITION,
  "stale-lease": status.ABORTED,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  "data-loss": status.DATA_LOSS,
  internal: status.INTERNAL,
};

const CODE_OF_STATUS: ReadonlyMap<status, ErrorCode> = new Map(
  (Object.entries(STATUS_OF_CODE) as [ErrorCode, status][]).map(([code, value]) => [value, code]),
);

/** What a server needs beside the error itself. */
export interface ToServiceErrorOptions {
  /** Called with what is hidden from the caller; log both together. */
  onInternal?: (correlationId: string, error: unknown) => void;
}

/**
 * The gRPC error for anything that was thrown, ready for a callback or, on a stream,
 * `call.emit("error", …)` (not `destroy`, after which grpc-js sends nothing). What is not a SpellError (or
 * is an `internal` one) is a bug of ours: its text stays here and the caller gets a correlation id to quote.
 */
export function toServiceError(error: unknown, options: ToServiceErrorOptions = {}): ServiceError {
  const metadata = new Metadata();
  const known = asSpellError(error);
  if (known === undefined || known.code === "internal") {
    const correlationId = randomUUID();
    options.onInternal?.(correlationId, error);
    metadata.set(REASON_METADATA_KEY, "internal");
    metadata.set(CORRELATION_METADATA_KEY, correlationId);
    const details = `Something went wrong inside Spell. Its log tells more: look for ${correlationId}.`;
    return serviceError(status.INTERNAL, details, metadata);
  }
  metadata.set(REASON_METADATA_KEY, asciiOnly(known.reason));
  return serviceError(STATUS_OF_CODE[known.code], forTrailer(known.message), metadata);
}

/**
 * The SpellError for what a gRPC call failed with; a SpellError passes unchanged. A failed connection is
 * `unavailable` with reason `unreachable`, a deadline `unavailable` with `deadline-exceeded`. A call cancelled by its own
 * signal never comes here: `callUnary` and `readStream` make that `unavailable` with reason `cancelled`.
 */
export function fromServiceError(error: unknown, options: { address?: string } = {}): SpellError {
  const known = asSpellError(error);
  if (known !== undefined) return known;
  if (!isServiceError(error)) {
    return new SpellError("internal", `A call failed unexpectedly: ${messageOf(error)}`, { cause: error });
  }
  const reason = error.metadata?.get(REASON_METADATA_KEY)[0]?.toString();
  const code = CODE_OF_STATUS.get(error.code);
  if (reason !== undefined && code !== undefined) return new SpellError(code, error.details, { reason, cause: error });
  return fromTransport(error, code, options.address ?? "the coordinator");
}

/** True when a call failed because nobody answered, so the same call may be made again. */
export function isUnavailable(error: unknown): boolean {
  const known = asSpellError(error);
  return known?.code === "unavailable" && known.reason !== "cancelled";
}

/** Errors made by gRPC itself: no connection, deadlines, limits, versions that do not fit. */
function fromTransport(error: ServiceError, code: ErrorCode | undefined, address: string): SpellError {
  const make = (as: ErrorCode, reason: string, message: string): SpellError =>
    new SpellError(as, message, { reason, cause: error });
  switch (error.code) {
    case status.UNAVAILABLE:
      return make("unavailable", "unreachable", `Can't reach Spell at ${address}: ${whyUnreachable(error.details)}.`);
    case status.DEADLINE_EXCEEDED:
      return make("unavailable", "deadline-exceeded", `No answer from Spell at ${address} in time.`);
    case status.CANCELLED:
      // Not by us, so by a server that went away in the middle.
      return make("unavailable", "unreachable", `Lost the connection to Spell at ${address}.`);
    case status.UNIMPLEMENTED:
      return make("internal", "unimplemented", `Spell at ${address} does not know this call: is it an older version?`);
    case status.INTERNAL:
      // A server that dies mid-stream shows as a reset stream, which is a matter of connection and not a bug.
      return error.details.includes("RST_STREAM")
        ? make("unavailable", "unreachable", `Lost the connection to Spell at ${address}: ${error.details}`)
        : make("internal", "internal", `Spell at ${address} failed: ${error.details}`);
    default:
      return make(code ?? "internal", code ?? "internal", error.details || error.message);
  }
}

/** What gRPC says about a connection that was not made, in words. */
function whyUnreachable(details: string): string {
  if (details.includes("ECONNREFUSED")) return "nothing listens there";
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(details)) return "no such host name";
  if (/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/.test(details)) return "no way to that host";
  return details.replace(/[.\s]+$/, "") || "no connection";
}

function serviceError(code: status, details: string, metadata: Metadata): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "details" in error && typeof (error as ServiceError).code === "number";
}

/** By name, not by class: the error may come from another copy of the domain package (a bundle). */
function asSpellError(error: unknown): SpellError | undefined {
  return error instanceof Error && error.name === "SpellError" ? (error as SpellError) : undefined;
}

/** Half of a surrogate pair cannot be encoded, and the attempt would throw where nobody catches it. */
function forTrailer(message: string): string {
  const fits = message.length <= MAX_MESSAGE_CHARACTERS;
  return (fits ? message : `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…`).toWellFormed();
}

/** Metadata values are printable ASCII. */
function asciiOnly(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
