/**
 * The bytes of an object to put: read in pieces as they are wanted, and checked against the snapshot before they leave, so that no
 * object with other bytes is ever complete. An object takes the memory of one ring, whatever its size. Files are read and hashed a second
 * time for it: keeping the bytes of small ones from the first time saved no processor time (the copies and their pages cost as much),
 * and took the memory.
 */
import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { changed, openFile, readPieces, readFully, unreadable } from "./hash-file.ts";
import { digestOf } from "./node.ts";
import { encodePackFooter } from "./pack-footer.ts";
import type { PutRequest } from "./put-object.ts";
import { PIECE_BYTES, bufferAt } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { BlobPlace } from "./transport.ts";
import { isPack } from "./upload-plan.ts";
import type { PlannedBlob } from "./upload-plan.ts";

/**
 * What `putObject` takes: a large blob, or a pack with its footer. Reading throws conflict (`file-changed`), and not-found or
 * invalid-input for a file that cannot be read any more.
 */
export function objectBody(
  blobs: readonly PlannedBlob[],
  { places, ring }: { places: readonly BlobPlace[]; ring: Ring },
): PutRequest["body"] {
  const [first] = blobs;
  if (first === undefined || isPack(blobs)) return () => packPieces(blobs, { places, ring });
  const { source } = first;
  return typeof source === "string" ? () => largePieces(first, { path: source, ring }) : source;
}

/** The blobs laid end to end, whole, without a footer. */
export function packOf(blobs: readonly PlannedBlob[]): Buffer {
  const pack = Buffer.allocUnsafe(blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0));
  let offset = 0;
  for (const blob of blobs) offset += take(blob, pack.subarray(offset, offset + blob.sizeBytes));
  return pack;
}

/** Reads without giving up the thread within a piece: calls to a thread pool would cost several times the reading. */
function* packPieces(
  blobs: readonly PlannedBlob[],
  { places, ring }: { places: readonly BlobPlace[]; ring: Ring },
): Generator<Uint8Array> {
  let turn = 0;
  let piece = bufferAt(ring, turn);
  let filledBytes = 0;
  for (const blob of blobs) {
    if (filledBytes + blob.sizeBytes > PIECE_BYTES) {
      yield piece.subarray(0, filledBytes);
      piece = bufferAt(ring, (turn += 1));
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
async function* largePieces(
  { digest, sizeBytes }: PlannedBlob,
  { path, ring }: { path: string; ring: Ring },
): AsyncGenerator<Uint8Array> {
  const state = createHash("sha256");
  let leftBytes = sizeBytes;
  try {
    for await (const read of readPieces(path, ring)) {
      const piece = read.subarray(0, leftBytes);
      leftBytes -= piece.length;
      state.update(piece);
      if (leftBytes === 0 && state.digest("hex") !== digest) throw changed(path);
      yield piece;
      if (leftBytes === 0) return;
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  throw changed(path);
}
