/** Puts one object into the store by a presigned URL. */
import { SpellError } from "@spell/domain";
import { httpPut } from "./http-put.ts";
import { TransferError, asRefusal, checkStatus, transfer } from "./transfer.ts";
import type { Attempt, TransferOptions } from "./transfer.ts";
import type { UploadTarget } from "./transport.ts";

/** Larger bodies are sent in pieces, so that each piece shows that the transfer moves. */
const PIECE_BYTES = 256 * 1024;

const FORBIDDEN = 403;
const NOT_FOUND = 404;
export const PRECONDITION_FAILED = 412;
/** Places hold for objects that are new: what was seen in one never changes. */
const NEW_ONLY = { "if-none-match": "*" };

/** An object to put. */
export interface PutRequest {
  sizeBytes: number;
  /**
   * The bytes: whole, or made anew for each attempt, and then those of a piece may change once two further ones were asked for.
   * A SpellError thrown in between ends the transfer.
   */
  body: Uint8Array | (() => AsyncIterable<Uint8Array> | Iterable<Uint8Array>);
  /** It becomes a part of an object, and may replace one that was put before. Default: false. */
  isPart?: boolean;
  /** Gives a fresh place: at first, and when a presigned URL has expired. */
  nextTarget: () => Promise<UploadTarget>;
  /** Told the number of bytes moved since the last call; negative when an attempt starts over. */
  onBytes?: (bytes: number) => void;
  options: TransferOptions;
}

/** What was put: the object's key, and the store's name for these bytes (empty when that is not known). */
export interface PutResult {
  objectKey: string;
  etag: string;
}

/**
 * Puts it. Throws unavailable when the store cannot be reached or refuses, not-found (`no-such-multipart`) when there is nothing to be a
 * part of.
 */
export async function putObject(request: PutRequest): Promise<PutResult> {
  for (let remaining = 2; ; remaining -= 1) {
    const { objectKey, putUrl } = await request.nextTarget();
    let attempts = 0;
    const exchange = { what: "An upload to the object store", url: putUrl, options: request.options };
    try {
      const etag = await transfer(exchange, (attempt) => {
        attempts += 1;
        return putOnce({ request, putUrl, attempt });
      });
      return { objectKey, etag };
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      // There is such an object: an attempt whose answer was lost has put it, and only whole ones are ever there.
      if (error.status === PRECONDITION_FAILED && attempts > 1) {
        request.onBytes?.(request.sizeBytes);
        return { objectKey, etag: "" };
      }
      if (error.status === NOT_FOUND && request.isPart === true) throw noSuchMultipart(error);
      // An expired signature is refused like a wrong one; a fresh one tells them apart.
      if (![FORBIDDEN, PRECONDITION_FAILED].includes(error.status) || remaining === 0) throw asRefusal(error);
    }
  }
}

async function putOnce(given: { request: PutRequest; putUrl: string; attempt: Attempt }): Promise<string> {
  const { request, putUrl, attempt } = given;
  const { sizeBytes, body, onBytes, isPart } = request;
  let movedBytes = 0;
  const onPiece = (bytes: number): void => {
    attempt.progress();
    movedBytes += bytes;
    onBytes?.(bytes);
  };
  try {
    const source = body instanceof Uint8Array ? pieces(body) : body();
    const answer = await httpPut({
      url: putUrl,
      sizeBytes,
      headers: isPart === true ? {} : NEW_ONLY,
      pieces: source,
      onPiece,
      signal: attempt.signal,
    });
    checkStatus(answer.status, { text: answer.text, url: putUrl });
    onBytes?.(sizeBytes - movedBytes);
    return answer.etag;
  } catch (error) {
    onBytes?.(-movedBytes);
    throw error;
  }
}

function noSuchMultipart(cause: unknown): SpellError {
  const message = "The object that was being put in parts is gone. Begin again.";
  return new SpellError("not-found", message, { reason: "no-such-multipart", cause });
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) yield bytes.subarray(offset, offset + PIECE_BYTES);
}
