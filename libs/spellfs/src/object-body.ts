/**
 * The bytes of an object to put: read in pieces as they are wanted, and checked against the snapshot before they leave, so that no
 * object with other bytes is ever complete. A pack takes the memory of two pieces, whatever its size.
 */
import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { changed, openFile, readChunks, readFully, unreadable } from "./hash-file.ts";
import { digestOf } from "./node.ts";
import { encodePackFooter } from "./pack-footer.ts";
import type { PutRequest } from "./put-object.ts";
import type { BlobPlace } from "./transport.ts";
import { LARGE_BLOB_BYTES, isPack } from "./upload-plan.ts";
import type { PlannedBlob } from "./upload-plan.ts";

/** Any blob of a pack fits into one. */
const PIECE_BYTES = LARGE_BLOB_BYTES;

/**
 * What `putObject` takes: a large blob, or a pack with its footer. Reading throws conflict (`file-changed`), and not-found or
 * invalid-input for a file that cannot be read any more.
 */
export function objectBody(blobs: readonly PlannedBlob[], places: readonly BlobPlace[]): PutRequest["body"] {
  const [first] = blobs;
  if (first === undefined || isPack(blobs)) return () => packPieces(blobs, places);
  const { source } = first;
  return typeof source === "string" ? () => largePieces(first, source) : source;
}

/** The blobs laid end to end, whole, without a footer. */
export function packOf(blobs: readonly PlannedBlob[]): Buffer {
  const pack = Buffer.allocUnsafe(blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0));
  let offset = 0;
  for (const blob of blobs) offset += take(blob, pack.subarray(offset, offset + blob.sizeBytes));
  return pack;
}

/** Reads without giving up the thread within a piece: calls to a thread pool would cost several times the reading. */
function* packPieces(blobs: readonly PlannedBlob[], places: readonly BlobPlace[]): Generator<Uint8Array> {
  let [piece, other] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)];
  let filledBytes = 0;
  for (const blob of blobs) {
    if (filledBytes + blob.sizeBytes > PIECE_BYTES) {
      yield piece.subarray(0, filledBytes);
      [piece, other] = [other, piece];
      filledBytes = 0;
    }
    filledBytes += take(blob, piece.subarray(filledBytes, filledBytes + blob.sizeBytes));
  }
  yield piece.subarray(0, filledBytes);
  yield encodePackFooter(places);
}

/** Fills `into`, as long as the blob. What was appended to a file since the snapshot is left out: the bytes are those that it saw. */
function take({ digest, sizeBytes, source }: PlannedBlob, into: Buffer): number {
  if (typeof source !== "string") {
    into.set(source);
    return sizeBytes;
  }
  try {
    const file = openFile(source);
    try {
      if (readFully(file, into) === sizeBytes && digestOf(into) === digest) return sizeBytes;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(source, error);
  }
  throw changed(source);
}

/** Throws before the last piece when the bytes are others. */
async function* largePieces({ digest, sizeBytes }: PlannedBlob, path: string): AsyncGenerator<Uint8Array> {
  const state = createHash("sha256");
  let leftBytes = sizeBytes;
  try {
    for await (const read of readChunks(path)) {
      const chunk = read.subarray(0, leftBytes);
      leftBytes -= chunk.length;
      state.update(chunk);
      if (leftBytes === 0 && state.digest("hex") !== digest) throw changed(path);
      yield chunk;
      if (leftBytes === 0) return;
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  throw changed(path);
}
