/** Puts one object into the store by a presigned URL. */
import { TransferError, asRefusal, checkAnswer, transfer } from "./transfer.ts";
import type { Attempt, TransferOptions } from "./transfer.ts";
import type { UploadTarget } from "./transport.ts";

/** Larger bodies are sent in pieces, so that each piece shows that the transfer moves. */
const PIECE_BYTES = 256 * 1024;

/** An object to put. */
export interface PutRequest {
  sizeBytes: number;
  /** The bytes: whole, or made anew for each attempt. A SpellError thrown in between ends the transfer. */
  body: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Gives a fresh place: at first, and when a presigned URL has expired. */
  nextTarget: () => Promise<UploadTarget>;
  /** Told the number of bytes moved since the last call; negative when an attempt starts over. */
  onBytes?: (bytes: number) => void;
  options: TransferOptions;
}

/** The key of the object that was put. Throws unavailable when the store cannot be reached or refuses. */
export async function putObject(request: PutRequest): Promise<string> {
  for (let remaining = 2; ; remaining -= 1) {
    const { objectKey, putUrl } = await request.nextTarget();
    const exchange = { what: "An upload to the object store", url: putUrl, options: request.options };
    try {
      await transfer(exchange, (attempt) => putOnce({ request, putUrl, attempt }));
      return objectKey;
    } catch (error) {
      // An expired signature is refused like a wrong one; a fresh one tells them apart.
      if (!(error instanceof TransferError) || error.status !== 403 || remaining === 0) throw asRefusal(error);
    }
  }
}

async function putOnce(given: { request: PutRequest; putUrl: string; attempt: Attempt }): Promise<void> {
  const { request, putUrl, attempt } = given;
  const state: BodyState = { movedBytes: 0, failure: undefined };
  const headers = { "content-length": String(request.sizeBytes), "content-type": "application/octet-stream" };
  try {
    // A presigned PUT needs a length; a stream alone would be sent chunked, which S3 refuses.
    const response = await fetch(putUrl, {
      method: "PUT",
      headers,
      body: bodyOf(request, { attempt, state }),
      duplex: "half",
      // With these two fetch keeps no copy of the body for a redirect; it would hold all of it in memory.
      redirect: "error",
      window: null,
      signal: attempt.signal,
    });
    await checkAnswer(response, putUrl);
    await response.arrayBuffer();
    request.onBytes?.(request.sizeBytes - state.movedBytes);
  } catch (error) {
    request.onBytes?.(-state.movedBytes);
    throw state.failure ?? error;
  }
}

interface BodyState {
  movedBytes: number;
  /** What the source of the bytes threw; fetch would only say that it failed. */
  failure: unknown;
}

function bodyOf(
  request: PutRequest,
  { attempt, state }: { attempt: Attempt; state: BodyState },
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  const { body } = request;
  if (body instanceof Uint8Array && body.length <= PIECE_BYTES) return new Uint8Array(body);
  const source = body instanceof Uint8Array ? pieces(body) : body();
  return ReadableStream.from(watched({ source, request, attempt, state }));
}

async function* watched(given: {
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  request: PutRequest;
  attempt: Attempt;
  state: BodyState;
}): AsyncGenerator<Uint8Array> {
  const { source, request, attempt, state } = given;
  try {
    for await (const chunk of source) {
      yield chunk;
      attempt.progress();
      state.movedBytes += chunk.length;
      request.onBytes?.(chunk.length);
    }
  } catch (error) {
    state.failure = error;
    throw error;
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) yield bytes.subarray(offset, offset + PIECE_BYTES);
}
