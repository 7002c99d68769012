/** Decides which blobs share an object. Pure. */
import type { Digest } from "@spell/domain";

/** From this size on a blob is an object of its own. */
export const LARGE_BLOB_BYTES = 1024 * 1024;
/** Most bytes of a pack. */
export const PACK_BYTES = 16 * 1024 * 1024;
/** Most blobs of a pack: bounds the record that describes it. */
export const PACK_BLOBS = 10_000;

/** A blob to upload. */
export interface PlannedBlob {
  digest: Digest;
  sizeBytes: number;
  /** The bytes when they are in memory (nodes); else they lie in this file. */
  source: Uint8Array | string;
}

/** Objects to put: each a list of blobs, laid end to end in this order. */
export function planObjects(blobs: Iterable<PlannedBlob>): PlannedBlob[][] {
  const objects: PlannedBlob[][] = [];
  let pack: PlannedBlob[] = [];
  let packBytes = 0;
  for (const blob of blobs) {
    if (blob.sizeBytes >= LARGE_BLOB_BYTES) {
      objects.push([blob]);
      continue;
    }
    if (pack.length > 0 && (packBytes + blob.sizeBytes > PACK_BYTES || pack.length >= PACK_BLOBS)) {
      objects.push(pack);
      pack = [];
      packBytes = 0;
    }
    pack.push(blob);
    packBytes += blob.sizeBytes;
  }
  if (pack.length > 0) objects.push(pack);
  return objects;
}
