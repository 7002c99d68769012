/** An object made of blobs that are in memory. */
import type { Digest } from "@spell/domain";
import { encodePackFooter } from "./pack-footer.ts";
import type { BlobPlace } from "./transport.ts";
import { isPack, placesOf } from "./upload-plan.ts";

/** The blobs end to end and, unless it is a single large one, the footer. */
export function buildPack(blobs: readonly { digest: Digest; bytes: Uint8Array }[]): {
  content: Uint8Array;
  blobs: BlobPlace[];
} {
  const sized = blobs.map(({ digest, bytes }) => ({ digest, sizeBytes: bytes.byteLength }));
  const places = placesOf(sized);
  const [first] = blobs;
  if (!isPack(sized) && first !== undefined) return { content: first.bytes, blobs: places };
  return { content: Buffer.concat([...blobs.map(({ bytes }) => bytes), encodePackFooter(places)]), blobs: places };
}
