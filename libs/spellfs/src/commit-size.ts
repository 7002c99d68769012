/** Whether what the store lacks of a tree fits into the one call that commits it. Pure. */
import { invalidInput } from "@spell/domain";

/** What a call may carry (the limit of a message lies above it). */
const COMMIT_BYTES = 64 * 1024 * 1024;
/** A place is a digest of 64 digits, two numbers and what frames them; an object has a key besides. */
const PLACE_BYTES = 84;
const OBJECT_BYTES = 64;

/** Throws invalid-input (`too-many-files`), before any byte is sent. */
export function checkCommitSize(
  missing: { nodes: readonly Uint8Array[]; blobs: number; objects: number },
  limitBytes = COMMIT_BYTES,
): void {
  const { nodes, blobs, objects } = missing;
  const nodeBytes = nodes.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = nodeBytes + blobs * PLACE_BYTES + objects * OBJECT_BYTES;
  if (bytes <= limitBytes) return;
  const most = Math.floor((blobs * limitBytes) / bytes);
  throw invalidInput(
    `The store lacks ${blobs} files and folders of this folder; of such as these one upload can bring about ${most}. ` +
      "Upload its sub-folders one by one before it (`spell upload`): what the store has by then is not sent again.",
    "too-many-files",
  );
}
