/** Decides which blobs share an object. Pure. */
import type { Digest } from "@spell/domain";
import { PACK_BLOBS, packFooterBytes } from "./pack-footer.ts";
import type { BlobPlace } from "./transport.ts";

/** From this size on a blob is an object of its own. */
export const LARGE_BLOB_BYTES = 1024 * 1024;
/** Most bytes of the blobs of a pack. */
export const PACK_BYTES = 16 * 1024 * 1024;

/** A blob to upload. */
export interface PlannedBlob {
  digest: Digest;
  sizeBytes: number;
  /** The bytes when they are in memory (nodes); else they lie in this file. */
  source: Uint8Array | string;
}

/** Objects to put: each a list of blobs, laid end to end in this order. */
export function planObjects<B extends { sizeBytes: number }>(blobs: Iterable<B>): B[][] {
  const objects: B[][] = [];
  let pack: B[] = [];
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

/** Whether these blobs share an object, be it one alone: a large blob has its object for itself, without a footer. */
export function isPack(blobs: readonly { sizeBytes: number }[]): boolean {
  return blobs.length !== 1 || (blobs[0]?.sizeBytes ?? 0) < LARGE_BLOB_BYTES;
}

/** How large their object is. */
export function objectBytes(blobs: readonly { sizeBytes: number }[]): number {
  const footer = isPack(blobs) ? packFooterBytes(blobs.length) : 0;
  return blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, footer);
}

/** Where blobs lie that are laid end to end. */
export function placesOf(blobs: readonly { digest: Digest; sizeBytes: number }[]): BlobPlace[] {
  let offset = 0;
  return blobs.map(({ digest, sizeBytes }) => {
    const place = { digest, offset, sizeBytes };
    offset += sizeBytes;
    return place;
  });
}
