/** Decides which ranges of which objects to read for a set of blobs. Pure. */
import type { Digest } from "@spell/domain";
import type { BlobPlace, ObjectSource } from "./transport.ts";

/** A gap up to this long is read and thrown away: cheaper than another request. */
const GAP_BYTES = 64 * 1024;
/** A range is not extended beyond this, so that several are read at a time and a repetition costs little. */
const RANGE_BYTES = 16 * 1024 * 1024;

/** One read of one object. */
export interface RangePlan {
  getUrl: string;
  offset: number;
  /** At least 1. */
  sizeBytes: number;
  /** Inside the range, by offset; they may overlap. */
  blobs: BlobPlace[];
}

/** The ranges that hold these blobs, each blob once, neighbours together. Blobs without bytes need no range. */
export function planRanges(sources: Iterable<ObjectSource>, wanted: ReadonlySet<Digest>): RangePlan[] {
  const left = new Set(wanted);
  const ranges: RangePlan[] = [];
  for (const { getUrl, blobs } of sources) {
    const needed = blobs.filter((blob) => blob.sizeBytes > 0 && left.delete(blob.digest));
    let range: RangePlan | undefined;
    for (const blob of needed.sort((a, b) => a.offset - b.offset)) {
      const end = blob.offset + blob.sizeBytes;
      if (range !== undefined && blob.offset <= endOf(range) + GAP_BYTES && end - range.offset <= RANGE_BYTES) {
        range.sizeBytes = Math.max(range.sizeBytes, end - range.offset);
        range.blobs.push(blob);
        continue;
      }
      range = { getUrl, offset: blob.offset, sizeBytes: blob.sizeBytes, blobs: [blob] };
      ranges.push(range);
    }
  }
  return ranges;
}

function endOf(range: RangePlan): number {
  return range.offset + range.sizeBytes;
}
