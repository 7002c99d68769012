/** The third part of a check, on demand: every byte in use is read and hashed. */
import { messageOf } from "@spell/domain";
import type { Marks, NumberedBlob } from "@spell/run-store";
import { digestOf } from "@spell/spellfs";
import { readBlob } from "../read-blob.ts";
import type { Broken, CheckDeps } from "./check-objects.ts";
import { isLoss } from "./check-trees.ts";

const PAGE = 200;
/** Objects up to this size are read whole: packs are. */
const WHOLE_BYTES = 32 * 1024 * 1024;

/** Notes the blobs in use whose bytes are not theirs; gives how many bytes were read. */
export async function* checkData(
  deps: CheckDeps,
  { marks, broken }: { marks: Marks; broken: Broken },
): AsyncGenerator<number, void, undefined> {
  let readBytes = 0;
  for (let after = ""; ;) {
    const page = await deps.store.garbage.listObjectUses({ after, limit: PAGE });
    for (const { objectKey, endBytes } of page) {
      const blobs = (await deps.store.garbage.listObjectBlobs(objectKey)).filter(
        ({ id, digest }) => id <= marks.lastId && marks.has(id) && !broken.has(digest),
      );
      const whole = endBytes <= WHOLE_BYTES && blobs.length > 1 ? await readWhole(deps, objectKey) : undefined;
      for (const blob of blobs) {
        if (whole === undefined) yield* streamed(deps, blob, broken, readBytes);
        else if (digestOf(whole.subarray(blob.offset, blob.offset + blob.sizeBytes)) !== blob.digest) {
          broken.set(blob.digest, `the store holds other bytes in ${objectKey}`);
        }
        readBytes += blob.sizeBytes;
        yield readBytes;
      }
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.objectKey;
  }
}

async function readWhole({ objects }: CheckDeps, objectKey: string): Promise<Uint8Array | undefined> {
  try {
    return await objects.get(objectKey);
  } catch (error) {
    // Then each blob says for itself what is wrong.
    if (isLoss(error)) return undefined;
    throw error;
  }
}

async function* streamed(
  { objects }: CheckDeps,
  blob: NumberedBlob,
  broken: Broken,
  beforeBytes: number,
): AsyncGenerator<number, void, undefined> {
  let bytes = beforeBytes;
  try {
    for await (const piece of readBlob(objects, blob)) yield (bytes += piece.byteLength);
  } catch (error) {
    if (!isLoss(error)) throw error;
    broken.set(blob.digest, messageOf(error).replace(/\.$/, ""));
  }
}
