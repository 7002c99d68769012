/** Reads many blobs out of the object store in few requests, each of bounded size. */
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation } from "@spell/run-store";

/** Read at once; larger blobs come alone, in pieces (read-blob.ts). */
export const SPAN_BYTES = 16 * 1024 * 1024;
/** What lies between two blobs is read along when it is no more. */
const GAP_BYTES = 64 * 1024;

/** Gives each of the blobs with what the store has in its place. None may be larger than SPAN_BYTES. */
export async function* readPlaces(
  objects: ObjectStore,
  places: readonly BlobLocation[],
): AsyncGenerator<{ place: BlobLocation; bytes: Uint8Array }, void, undefined> {
  const order = (one: BlobLocation, other: BlobLocation): number =>
    one.objectKey === other.objectKey ? one.offset - other.offset : one.objectKey < other.objectKey ? -1 : 1;
  let span: BlobLocation[] = [];
  for (const place of [...places].sort(order)) {
    if (!continues(span, place)) {
      yield* readSpan(objects, span);
      span = [];
    }
    span.push(place);
  }
  yield* readSpan(objects, span);
}

function continues(span: readonly BlobLocation[], next: BlobLocation): boolean {
  const [first] = span;
  if (first === undefined) return true;
  const last = span.at(-1) ?? first;
  const isNear = next.objectKey === first.objectKey && next.offset <= last.offset + last.sizeBytes + GAP_BYTES;
  return isNear && next.offset + next.sizeBytes <= first.offset + SPAN_BYTES;
}

async function* readSpan(
  objects: ObjectStore,
  span: readonly BlobLocation[],
): AsyncGenerator<{ place: BlobLocation; bytes: Uint8Array }, void, undefined> {
  const [first] = span;
  if (first === undefined) return;
  const begin = first.offset;
  const length = span.reduce((end, { offset, sizeBytes }) => Math.max(end, offset + sizeBytes), 0) - begin;
  const bytes = await objects.get(first.objectKey, { offset: begin, length });
  for (const place of span) {
    yield { place, bytes: bytes.subarray(place.offset - begin, place.offset - begin + place.sizeBytes) };
  }
}
