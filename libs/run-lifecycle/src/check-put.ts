/** What a commit says of objects that were put: all that is checked of it before it is believed. */
import type { Digest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation } from "@spell/run-store";
import type { StoredObject } from "@spell/spellfs";
import { decodePackFooter, digestOf, encodePackFooter, packFooterBytes, placesOf } from "@spell/spellfs";
import pLimit from "p-limit";
import { badPlace } from "./claims.ts";
import { readPlaces } from "./read-places.ts";

/** Packs are put here; nothing else of the store may be named by a client. */
export const PACK_PREFIX = "packs/";
/** An object up to this size is read whole: one request, and nothing of it is a claim. */
const WHOLE_BYTES = 256 * 1024;
const OBJECTS_AT_ONCE = 8;

/** The objects of a commit. */
export interface PutObjects {
  /** Where each blob lies. */
  places: Map<Digest, BlobLocation>;
  /** Those with a footer, and how many blobs it lists. */
  packs: { objectKey: string; blobs: number }[];
}

/**
 * Checks that the objects are there with all that is said to be in them. `userName` is somebody whose word is not enough: then
 * the footers are read, and the directory nodes (`nodes`) as well, because everybody depends on those; other places are claims of
 * this user. Throws invalid-input: `missing-object`, `bad-blob-place`, `bad-pack-footer`.
 */
export async function checkPut(
  objects: ObjectStore,
  given: readonly StoredObject[],
  { nodes, userName }: { nodes: ReadonlyMap<Digest, Uint8Array>; userName?: string },
): Promise<PutObjects> {
  const put: PutObjects = { places: new Map(), packs: [] };
  const limit = pLimit(OBJECTS_AT_ONCE);
  const seen = await Promise.all(given.map((object) => limit(() => checkOne(objects, object, userName !== undefined))));
  given.forEach((object, index) => {
    const claimedBy = seen[index] === true ? undefined : userName;
    for (const { digest, offset, sizeBytes } of object.blobs) {
      put.places.set(digest, { digest, objectKey: object.objectKey, offset, sizeBytes, claimedBy });
    }
    if (hasFooter(object)) put.packs.push({ objectKey: object.objectKey, blobs: object.blobs.length });
  });
  const claimedNodes = [...put.places.values()].filter(
    ({ digest, claimedBy }) => claimedBy !== undefined && nodes.has(digest),
  );
  await checkNodes(objects, claimedNodes, nodes);
  return put;
}

/** Whether all bytes of it were seen. */
async function checkOne(objects: ObjectStore, object: StoredObject, isToBeRead: boolean): Promise<boolean> {
  const { objectKey, sizeBytes, blobs } = object;
  const info = objectKey.startsWith(PACK_PREFIX) ? await objects.find(objectKey) : undefined;
  if (info === undefined || info.sizeBytes !== sizeBytes) {
    throw invalidInput(`Object ${objectKey} was not uploaded whole: upload it again.`, "missing-object");
  }
  for (const blob of blobs) {
    const whole = Number.isSafeInteger(blob.offset) && Number.isSafeInteger(blob.sizeBytes);
    const inside = blob.offset >= 0 && blob.sizeBytes >= 0 && blob.offset + blob.sizeBytes <= sizeBytes;
    if (!whole || !inside)
      throw invalidInput(`Blob ${blob.digest} lies outside object ${objectKey}.`, "bad-blob-place");
  }
  if (!isToBeRead) return false;
  if (sizeBytes > WHOLE_BYTES) {
    if (hasFooter(object)) checkFooter(object, await readEnd(objects, object, packFooterBytes(blobs.length)));
    return false;
  }
  const bytes = await objects.get(objectKey);
  for (const { digest, offset, sizeBytes: length } of blobs) {
    if (digestOf(bytes.subarray(offset, offset + length)) !== digest) throw badPlace({ digest, objectKey });
  }
  if (hasFooter(object)) checkFooter(object, bytes);
  return true;
}

/** Told by the size alone: a large blob has its object for itself, and packs of a former version have no footer. */
function hasFooter({ sizeBytes, blobs }: StoredObject): boolean {
  return sizeBytes === blobs.reduce((sum, blob) => sum + blob.sizeBytes, packFooterBytes(blobs.length));
}

async function readEnd(
  objects: ObjectStore,
  { objectKey, sizeBytes }: StoredObject,
  length: number,
): Promise<Uint8Array> {
  return objects.get(objectKey, { offset: sizeBytes - length, length });
}

/** Compared as bytes: reading the places out of a footer takes longer. */
function checkFooter({ objectKey, sizeBytes, blobs }: StoredObject, end: Uint8Array): void {
  const footer = encodePackFooter(placesOf(blobs));
  const isSame = Buffer.compare(end.subarray(end.byteLength - footer.byteLength), footer) === 0;
  if (isSame && placesOf(blobs).every(({ offset }, at) => offset === blobs[at]?.offset)) return;
  // Tells what is wrong with one that is none.
  decodePackFooter(end, sizeBytes);
  const message = `The footer of pack ${objectKey} lists other blobs than its commit: upload it again.`;
  throw invalidInput(message, "bad-pack-footer");
}

async function checkNodes(
  objects: ObjectStore,
  places: readonly BlobLocation[],
  nodes: ReadonlyMap<Digest, Uint8Array>,
): Promise<void> {
  for (const { digest, objectKey, sizeBytes } of places) {
    if (nodes.get(digest)?.byteLength !== sizeBytes) throw badPlace({ digest, objectKey });
  }
  for await (const { place, bytes } of readPlaces(objects, places)) {
    if (Buffer.compare(bytes, nodes.get(place.digest) ?? new Uint8Array()) !== 0) throw badPlace(place);
  }
}
