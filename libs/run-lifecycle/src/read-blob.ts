/** Reads a blob out of the object store in pieces, checking that its bytes are those of its digest. */
import { createHash } from "node:crypto";
import { SpellError } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation } from "@spell/run-store";

const PIECE_BYTES = 1024 * 1024;

/** One piece in memory at a time. Throws data-loss instead of giving the last piece of a blob whose bytes are wrong. */
export async function* readBlob(
  objects: ObjectStore,
  place: BlobLocation,
): AsyncGenerator<Uint8Array, void, undefined> {
  const state = createHash("sha256");
  for (let done = 0; done < place.sizeBytes;) {
    const length = Math.min(PIECE_BYTES, place.sizeBytes - done);
    const bytes = await objects.get(place.objectKey, { offset: place.offset + done, length });
    state.update(bytes);
    done += length;
    if (done === place.sizeBytes && state.digest("hex") !== place.digest) {
      throw new SpellError(
        "data-loss",
        `The store holds other bytes than those of ${place.digest}: the file is lost.`,
        {
          reason: "wrong-bytes",
        },
      );
    }
    yield bytes;
  }
}
