/** The end of a pack: which blobs lie in it and where, so that a pack can be read alone. docs/spellfs.md gives it byte by byte. */
import { hash } from "node:crypto";
import { invalidInput } from "@spell/domain";
import type { SpellError } from "@spell/domain";
import { toDigest } from "./node.ts";
import type { BlobPlace } from "./transport.ts";

/** Most blobs of a pack: bounds its footer, and the record that describes it. */
export const PACK_BLOBS = 10_000;

const VERSION = 1;
const MAGIC = Buffer.from("spellpak", "latin1");
const ENTRY_BYTES = 48;
/** Version, count, length of the footer, checksum, magic: the same for every pack, so that reading begins here. */
export const PACK_TRAILER_BYTES = 52;
const CHECKSUM_AT = 12;

/** Length of the footer of a pack of so many blobs. */
export function packFooterBytes(blobs: number): number {
  return blobs * ENTRY_BYTES + PACK_TRAILER_BYTES;
}

/** What stands behind blobs that are laid end to end. */
export function encodePackFooter(places: readonly BlobPlace[]): Buffer {
  const footer = Buffer.allocUnsafe(packFooterBytes(places.length));
  let at = 0;
  for (const { digest, offset, sizeBytes } of places) {
    footer.write(digest, at, "hex");
    footer.writeBigUInt64LE(BigInt(offset), at + 32);
    footer.writeBigUInt64LE(BigInt(sizeBytes), at + 40);
    at += ENTRY_BYTES;
  }
  footer.writeUInt32LE(VERSION, at);
  footer.writeUInt32LE(places.length, at + 4);
  footer.writeUInt32LE(footer.length, at + 8);
  hash("sha256", footer.subarray(0, at + CHECKSUM_AT), "buffer").copy(footer, at + CHECKSUM_AT);
  MAGIC.copy(footer, at + CHECKSUM_AT + 32);
  return footer;
}

/**
 * The places in a pack of this size whose last bytes are `tail`; a tail that is too short is answered with how many bytes it must
 * have. Strict: throws invalid-input (`bad-pack-footer`) for whatever `encodePackFooter` would not have written.
 */
export function decodePackFooter(tail: Uint8Array, packBytes: number): BlobPlace[] | { needBytes: number } {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  const trailer = bytes.subarray(Math.max(0, bytes.length - PACK_TRAILER_BYTES));
  if (trailer.length < PACK_TRAILER_BYTES || !trailer.subarray(CHECKSUM_AT + 32).equals(MAGIC)) {
    throw bad("it does not end like a pack");
  }
  const [version, count, length] = [trailer.readUInt32LE(0), trailer.readUInt32LE(4), trailer.readUInt32LE(8)];
  if (version !== VERSION) throw bad(`its version is ${version}, and only ${VERSION} is known`);
  if (count > PACK_BLOBS) throw bad(`it lists ${count} blobs, the most is ${PACK_BLOBS}`);
  if (length !== packFooterBytes(count) || length > packBytes) throw bad(`its length cannot be ${length} bytes`);
  if (bytes.length < length) return { needBytes: length };
  const footer = bytes.subarray(bytes.length - length);
  const checked = length - PACK_TRAILER_BYTES + CHECKSUM_AT;
  if (!hash("sha256", footer.subarray(0, checked), "buffer").equals(footer.subarray(checked, checked + 32))) {
    throw bad("its checksum is not that of its bytes");
  }
  return entriesOf(footer, { count, endBytes: packBytes - length });
}

function entriesOf(footer: Buffer, { count, endBytes }: { count: number; endBytes: number }): BlobPlace[] {
  const places: BlobPlace[] = [];
  let end = 0;
  for (let at = 0; at < count * ENTRY_BYTES; at += ENTRY_BYTES) {
    const digest = toDigest(footer.toString("hex", at, at + 32));
    const offset = Number(footer.readBigUInt64LE(at + 32));
    const sizeBytes = Number(footer.readBigUInt64LE(at + 40));
    if (offset !== end) throw bad(`blob ${digest} should begin at ${end} and not at ${offset}`);
    end += sizeBytes;
    if (end > endBytes) throw bad(`blob ${digest} reaches into what follows the blobs`);
    places.push({ digest, offset, sizeBytes });
  }
  if (end !== endBytes) throw bad(`its blobs end at ${end}, and it begins at ${endBytes}`);
  return places;
}

function bad(why: string): SpellError {
  return invalidInput(`The footer of a pack is wrong: ${why}.`, "bad-pack-footer");
}
