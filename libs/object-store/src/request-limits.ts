/** Checks of what callers ask for, equal in every driver. */
import type { SpellError } from "@spell/domain";
import { invalidInput, notFound } from "@spell/domain";
import type { ByteRange } from "./object-store.ts";

/** Longest life of a presigned URL, seconds: what S3 allows. */
export const MAX_PRESIGN_SECONDS = 7 * 24 * 3600;

/** Throws invalid-input (reason `bad-range`) unless offset and length are whole numbers of at least 0. */
export function checkRangeForm(range: ByteRange): void {
  for (const value of [range.offset, range.length, range.offset + range.length]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw invalidInput(
        `A range of bytes needs whole numbers of at least 0, not offset ${range.offset} and length ${range.length}.`,
        "bad-range",
      );
    }
  }
}

/** The refusal of a range that is not wholly inside the object. */
export function rangeOutside(key: string, range: ByteRange, sizeBytes?: number): SpellError {
  const size = sizeBytes === undefined ? "" : `, which has ${sizeBytes} bytes`;
  return invalidInput(
    `Bytes ${range.offset} to ${range.offset + range.length} are outside the object "${key}"${size}.`,
    "bad-range",
  );
}

/** The refusal of `get` for an absent key. */
export function noSuchObject(key: string): SpellError {
  return notFound(`The object store has no object "${key}".`, "no-such-object");
}

/** Throws invalid-input unless the life of a URL is a whole number of seconds from 1 to a week. */
export function checkPresignSeconds(seconds: number): void {
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > MAX_PRESIGN_SECONDS) {
    throw invalidInput(
      `A presigned URL lives 1 to ${MAX_PRESIGN_SECONDS} seconds, a whole number; ${seconds} was asked for.`,
      "bad-expiry",
    );
  }
}
