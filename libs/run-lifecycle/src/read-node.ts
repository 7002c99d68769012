/** Reads a directory node out of the object store. */
import { SpellError } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation } from "@spell/run-store";
import { digestOf } from "@spell/spellfs";

/** Throws data-loss when the store has other bytes, and not-found when it has lost the object. */
export async function readNode(objects: ObjectStore, place: BlobLocation): Promise<Uint8Array> {
  const { digest, objectKey, offset, sizeBytes } = place;
  const bytes = await objects.get(objectKey, { offset, length: sizeBytes });
  if (digestOf(bytes) === digest) return bytes;
  const message = `The store holds other bytes than those of directory node ${digest}.`;
  throw new SpellError("data-loss", message, { reason: "wrong-bytes" });
}
