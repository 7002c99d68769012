/** Whether a pack could be read without the record: its footer must list what is recorded of it. That it does not is no loss. */
import { messageOf } from "@spell/domain";
import type { ObjectUse } from "@spell/run-store";
import { decodePackFooter, packFooterBytes } from "@spell/spellfs";
import type { CheckDeps } from "./check-objects.ts";
import { isLoss } from "./check-trees.ts";

/** What is wrong, as sentences; undefined when nothing is, when there is no footer, and when the pack is gone. */
export async function footerProblem(
  deps: CheckDeps,
  { objectKey, listedBlobs }: ObjectUse,
  sizeBytes: number,
): Promise<string | undefined> {
  if (listedBlobs === undefined) return undefined;
  const length = packFooterBytes(listedBlobs);
  if (sizeBytes < length) return undefined;
  try {
    const end = await deps.objects.get(objectKey, { offset: sizeBytes - length, length });
    const why = await wrongIn(deps, objectKey, { end, sizeBytes });
    return why === undefined ? undefined : `The pack ${objectKey} could not be read without the record. ${why}`;
  } catch (error) {
    // It was deleted since, with all that was recorded in it; or its blobs are told to be lost.
    if (isLoss(error)) return undefined;
    throw error;
  }
}

async function wrongIn(
  { store }: CheckDeps,
  objectKey: string,
  { end, sizeBytes }: { end: Uint8Array; sizeBytes: number },
): Promise<string | undefined> {
  let listed: ReturnType<typeof decodePackFooter>;
  try {
    listed = decodePackFooter(end, sizeBytes);
  } catch (error) {
    return messageOf(error);
  }
  const places = new Set(Array.isArray(listed) ? listed.map(nameOf) : []);
  const missing = (await store.garbage.listObjectBlobs(objectKey)).find((blob) => !places.has(nameOf(blob)));
  return missing && `Its footer does not say where blob ${missing.digest} lies.`;
}

function nameOf({ digest, offset, sizeBytes }: { digest: string; offset: number; sizeBytes: number }): string {
  return `${digest} ${offset} ${sizeBytes}`;
}
