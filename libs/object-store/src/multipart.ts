/**
 * Objects that are put in parts: how they are cut, and which parts complete them. One rule for every driver; pure. The numbers are
 * those of S3, so that what one driver takes the other takes too.
 */
import type { SpellError } from "@spell/domain";
import { invalidInput, notFound } from "@spell/domain";

/** Least bytes of a part that is not the last. */
export const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PART_BYTES = 5 * 1024 ** 3;
export const MAX_PARTS = 10_000;

/** How an object is cut: each part has `partBytes`, the last one what is left. Parts are numbered from 1. */
export interface PartLayout {
  sizeBytes: number;
  partBytes: number;
}

/** An object in the making. */
export interface Multipart extends PartLayout {
  key: string;
  /** The store's own name for it. */
  uploadId: string;
}

/** A part as the answer to its PUT told it. */
export interface PartTag {
  number: number;
  /** Changes when the part is put again with other bytes. Without quotes. */
  etag: string;
}

/** A part that is there, whole. */
export interface StoredPart extends PartTag {
  sizeBytes: number;
}

/** How many parts an object has. */
export function partCount({ sizeBytes, partBytes }: PartLayout): number {
  return Math.ceil(sizeBytes / partBytes);
}

/** The size of a part. */
export function partSize(layout: PartLayout, number: number): number {
  return Math.min(layout.partBytes, layout.sizeBytes - (number - 1) * layout.partBytes);
}

/** Throws invalid-input (reason `bad-parts`) for a layout that no store takes. */
export function checkLayout(layout: PartLayout): void {
  const { sizeBytes, partBytes } = layout;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw badParts(`An object that is put in parts has a whole number of bytes, at least 1, not ${sizeBytes}.`);
  }
  if (!Number.isSafeInteger(partBytes) || partBytes < MIN_PART_BYTES || partBytes > MAX_PART_BYTES) {
    throw badParts(`A part has ${MIN_PART_BYTES} to ${MAX_PART_BYTES} bytes, a whole number; not ${partBytes}.`);
  }
  if (partCount(layout) > MAX_PARTS) {
    const needed = Math.ceil(sizeBytes / MAX_PARTS);
    throw badParts(`An object has at most ${MAX_PARTS} parts: ${sizeBytes} bytes need parts of ${needed}.`);
  }
}

/** Throws invalid-input (reason `bad-parts`) for a part that the object does not have. */
export function checkPartNumber(layout: PartLayout, number: number): void {
  if (Number.isSafeInteger(number) && number >= 1 && number <= partCount(layout)) return;
  throw badParts(`The object has the parts 1 to ${partCount(layout)}; there is no part ${number}.`);
}

/** Throws invalid-input (reason `bad-parts`) unless all parts are named once, and are there as they are named. */
export function checkParts(
  layout: PartLayout,
  { named, stored }: { named: readonly PartTag[]; stored: readonly StoredPart[] },
): void {
  const tags = new Map<number, string>();
  for (const { number, etag } of named) {
    checkPartNumber(layout, number);
    if (tags.has(number)) throw badParts(`Part ${number} is named twice: name each part once.`);
    tags.set(number, etag);
  }
  const there = new Map(stored.map((part) => [part.number, part]));
  for (let number = 1; number <= partCount(layout); number += 1) {
    const part = there.get(number);
    const etag = tags.get(number);
    if (etag === undefined) throw badParts(`Part ${number} of ${partCount(layout)} is not named: name every part.`);
    if (part === undefined) throw badParts(`Part ${number} is not there: put it, then complete the object.`);
    if (part.etag !== etag) throw badParts(`Part ${number} is another one than named: it was put again since.`);
    const sizeBytes = partSize(layout, number);
    if (part.sizeBytes !== sizeBytes) {
      throw badParts(`Part ${number} has ${part.sizeBytes} bytes, but should have ${sizeBytes}: put it again.`);
    }
  }
}

/** The refusal of an object in the making that was completed or aborted, or never begun. */
export function noSuchMultipart(key: string): SpellError {
  const message = `The object "${key}" is not being put in parts any more, or never was: begin again.`;
  return notFound(message, "no-such-multipart");
}

function badParts(message: string): SpellError {
  return invalidInput(message, "bad-parts");
}
