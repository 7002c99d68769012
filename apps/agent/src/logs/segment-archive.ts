/** Where a log shipper archives: stores one compressed segment and records it, under the attempt's lease. */

export interface SegmentArchive {
  /**
   * Stores the bytes and records the segment. Resolves when durable. Rejects with `stale-lease` when the attempt is no longer
   * ours, `unavailable` when it should be tried again.
   */
  store(segment: { firstNumber: number; entries: number; bytes: Uint8Array }): Promise<void>;
}
