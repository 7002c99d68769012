/** Puts blobs of a cache into the store as one object, for when the store has lost them: never other bytes than theirs. */
import { createHash } from "node:crypto";
import type { Digest } from "@spell/domain";
import { SpellError } from "@spell/domain";
import type { BlobFolder } from "./blob-folder.ts";
import { readPieces } from "./hash-file.ts";
import { encodePackFooter } from "./pack-footer.ts";
import { PRECONDITION_FAILED, putObject } from "./put-object.ts";
import { PIECE_BYTES, newRing } from "./ring.ts";
import { TransferError } from "./transfer.ts";
import type { TransferOptions } from "./transfer.ts";
import { isPack, objectBytes, placesOf } from "./upload-plan.ts";

/** A blob that is in a cache. */
export interface HeldBlob {
  digest: Digest;
  sizeBytes: number;
}

/** What to put where. */
export interface SendRequest {
  /** Laid end to end in this order, with a footer if it is a pack. */
  digests: readonly Digest[];
  /** Presigned. */
  putUrl: string;
  /** Told when bytes have moved. */
  onBytes?: () => void;
  options: TransferOptions;
}

/** Reason of the error when the bytes of a blob on the disk are not its own, or cannot be read. */
const UNSOUND = "unsound-blob";

/**
 * All of the blobs, once they are put. When one is not here or not sound, nothing is put: then those that are. What is not sound
 * leaves the cache. Throws what a transfer throws.
 */
export async function sendBlobs(
  folder: BlobFolder,
  { digests, putUrl, onBytes, options }: SendRequest,
): Promise<HeldBlob[]> {
  const blobs = digests.flatMap((digest) => folder.locate(digest) ?? []);
  if (blobs.length < digests.length) return blobs.map(toHeld);
  const sizeBytes = objectBytes(blobs);
  const target = { objectKey: "", putUrl };
  const body = () => soundBytes(blobs);
  try {
    await putObject({ sizeBytes, body, nextTarget: () => Promise.resolve(target), onBytes, options });
    return blobs.map(toHeld);
  } catch (error) {
    // It is there: this was asked before, and the answer got lost. The coordinator looks at it anyway.
    if (error instanceof SpellError && isThere(error.cause)) return blobs.map(toHeld);
    if (!(error instanceof SpellError) || error.reason !== UNSOUND) throw error;
  }
  const sound: HeldBlob[] = [];
  for (const digest of digests) {
    options.signal?.throwIfAborted();
    const blob = await folder.locateSound(digest);
    if (blob !== undefined) sound.push(toHeld(blob));
  }
  return sound;
}

interface LocatedBlob extends HeldBlob {
  path: string;
}

function toHeld({ digest, sizeBytes }: LocatedBlob): HeldBlob {
  return { digest, sizeBytes };
}

/** Throws before the last piece of a blob that is not sound: an object with wrong bytes is never complete. */
async function* soundBytes(blobs: readonly LocatedBlob[]): AsyncGenerator<Uint8Array> {
  for (const { path, digest, sizeBytes } of blobs) {
    const state = createHash("sha256");
    let leftBytes = sizeBytes;
    try {
      // The last piece of the blob before may still be on its way, so each has a ring of its own.
      for await (const chunk of readPieces(path, newRing(Math.min(PIECE_BYTES, sizeBytes + 1)))) {
        leftBytes -= chunk.length;
        state.update(chunk);
        if (leftBytes <= 0 && (leftBytes < 0 || state.digest("hex") !== digest)) throw unsound(path);
        yield chunk;
      }
    } catch (error) {
      throw unsound(path, error);
    }
    if (leftBytes > 0) throw unsound(path);
  }
  if (isPack(blobs)) yield encodePackFooter(placesOf(blobs));
}

function isThere(cause: unknown): boolean {
  return cause instanceof TransferError && cause.status === PRECONDITION_FAILED;
}

function unsound(path: string, cause?: unknown): SpellError {
  return new SpellError("data-loss", `${path} does not hold the bytes of its name any more.`, {
    reason: UNSOUND,
    cause,
  });
}
