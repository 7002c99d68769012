/** PUT: the body of a request becomes an object, or leaves nothing behind. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SpellError, messageOf } from "@spell/domain";
import type { DirectoryStore } from "./directory-store.ts";
import { refuse } from "./http-answer.ts";
import type { SignedPart } from "./url-signature.ts";

/** Stores the request's body under the key, or as a part of what is to lie there. Memory stays at a few megabytes whatever its size. */
export async function receiveObject(options: {
  store: DirectoryStore;
  key: string;
  part: SignedPart | undefined;
  /** Refused where there is such an object. */
  onlyNew: boolean;
  request: IncomingMessage;
  response: ServerResponse;
  maxObjectBytes: number;
}): Promise<void> {
  const { store, key, request, response, maxObjectBytes } = options;
  const declared = request.headers["content-length"];
  if (declared === undefined || !/^[0-9]{1,16}$/.test(declared)) {
    const message = "A PUT needs the header Content-Length with the object's size in bytes.";
    return refuse(request, response, { status: 411, code: "invalid-input", reason: "length-required", message });
  }
  const sizeBytes = Number(declared);
  if (sizeBytes > maxObjectBytes) {
    const message = `An object may have at most ${maxObjectBytes} bytes; this one has ${sizeBytes}.`;
    return refuse(request, response, { status: 413, code: "invalid-input", reason: "object-too-large", message });
  }
  if (options.onlyNew && request.headers["if-none-match"] !== "*") {
    const message = "A PUT by this URL needs the header If-None-Match: * because it may not replace anything.";
    return refuse(request, response, { status: 400, code: "invalid-input", reason: "if-none-match-required", message });
  }
  const body = bodyOf(request, response, sizeBytes);
  if (options.part === undefined) {
    await store.putStream(key, body, { onlyNew: options.onlyNew });
    response.writeHead(200, { "Content-Length": 0 }).end();
    return;
  }
  const part = { key, uploadId: options.part.uploadId, number: Number(options.part.number) };
  const partBytes = await store.sizeOfPart(part);
  if (sizeBytes !== partBytes) {
    const message = `Part ${part.number} of the object "${key}" has ${partBytes} bytes; this one has ${sizeBytes}.`;
    return refuse(request, response, { status: 400, code: "invalid-input", reason: "bad-parts", message });
  }
  const etag = await store.putPart(part, body);
  response.writeHead(200, { "Content-Length": 0, ETag: `"${etag}"` }).end();
}

/** The body's chunks; throws invalid-input (reason `body-cut-short`) unless exactly the declared bytes arrive. */
async function* bodyOf(
  request: IncomingMessage,
  response: ServerResponse,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  try {
    // Kept open when the disk fails, so that the answer can still say why.
    const chunks: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
    for await (const bytes of chunks) {
      seenBytes += bytes.byteLength;
      yield bytes;
    }
  } catch (error) {
    throw cutShort(seenBytes, sizeBytes, messageOf(error));
  }
  if (seenBytes !== sizeBytes) throw cutShort(seenBytes, sizeBytes, "the connection ended");
  // From here on we are the slow side: a slow disk must not look like an idle client.
  response.setTimeout(0);
}

function cutShort(seenBytes: number, sizeBytes: number, why: string): SpellError {
  return new SpellError("invalid-input", `The body ended after ${seenBytes} of ${sizeBytes} bytes: ${why}.`, {
    reason: "body-cut-short",
  });
}
