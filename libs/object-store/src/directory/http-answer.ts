/** Answers of the store's HTTP handler: refusals as JSON, sent such that also a client in the middle of a body reads them. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { SpellError } from "@spell/domain";

/** A refusal as clients see it: `{ "error": sentence, "code": …, "reason": … }`. */
export interface Refusal {
  status: number;
  code: string;
  reason: string;
  message: string;
  headers?: OutgoingHttpHeaders;
}

/** How much of an unwanted body is read, and for how long, before the connection is cut. */
const DISCARD_BYTES = 8 * 1024 * 1024;
const DISCARD_MS = 2_000;

/** The refusal that an error means. Only SpellErrors show their text. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof SpellError) || error.code === "internal") {
    const message = "The object store failed. The reason is in the coordinator's log.";
    return { status: 500, code: "internal", reason: "internal", message };
  }
  const { code, reason, message } = error;
  return { status: statusOf(error), code, reason, message };
}

function statusOf(error: SpellError): number {
  switch (error.code) {
    case "invalid-input":
      return 400;
    case "not-found":
      return 404;
    case "conflict":
      return 412;
    case "exhausted":
      return error.reason === "disk-full" ? 507 : 429;
    case "unavailable":
      return 503;
    default:
      return 500;
  }
}

/**
 * Sends a refusal. While a body is still arriving the whole answer is written first, then some of the body is read and
 * dropped: cutting the connection at once would reset it before the client has read why.
 */
export async function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): Promise<void> {
  if (response.headersSent || response.destroyed) {
    request.destroy();
    return;
  }
  const { status, code, reason, message, headers } = refusal;
  const body = Buffer.from(`${JSON.stringify({ error: message, code, reason })}\n`);
  const bodyPending = hasBody(request) && !request.complete;
  response.writeHead(status, {
    ...headers,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": body.byteLength,
    "Cache-Control": "no-store",
    ...(bodyPending ? { Connection: "close" } : {}),
  });
  if (request.method !== "HEAD") response.write(body);
  if (bodyPending) await discardBody(request);
  response.end();
}

function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

async function discardBody(request: IncomingMessage): Promise<void> {
  if (request.destroyed) return;
  const enough = Promise.withResolvers<void>();
  const timer = setTimeout(enough.resolve, DISCARD_MS);
  let seenBytes = 0;
  request.on("data", (chunk: Buffer) => {
    seenBytes += chunk.byteLength;
    if (seenBytes > DISCARD_BYTES) enough.resolve();
  });
  for (const event of ["end", "close", "error"]) request.once(event, () => enough.resolve());
  request.resume();
  await enough.promise;
  clearTimeout(timer);
}
