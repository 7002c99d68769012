/** Compresses one segment and stores it, again and again until the archive takes it or the attempt is no longer ours. */
import { setTimeout as delay } from "node:timers/promises";
import { hasCode, messageOf } from "@spell/domain";
import { compressSegment } from "@spell/event-bus";
import type { EncodedEntries } from "./entry-source.ts";
import type { SegmentArchive } from "./segment-archive.ts";

export interface SegmentStoreOptions {
  runId: number;
  attempt: number;
  archive: SegmentArchive;
  /** Said once per segment that had to wait. */
  onProblem: (message: string) => void;
  stopped: AbortSignal;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** Resolves when durable. Rejects with `stale-lease`, or with the signal's reason when stopped. */
export async function storeSegment(options: SegmentStoreOptions, batches: readonly EncodedEntries[]): Promise<void> {
  const { runId, attempt, archive, stopped } = options;
  const firstNumber = batches[0]?.firstNumber ?? 0;
  const entries = batches.reduce((sum, batch) => sum + batch.count, 0);
  const bodies = batches.map((batch) => batch.body);
  const bytes = await compressSegment({ runId, attempt, firstNumber }, bodies);
  for (let failures = 0; ; failures++) {
    stopped.throwIfAborted();
    try {
      await archive.store({ firstNumber, entries, bytes });
      return;
    } catch (error) {
      if (hasCode(error, "stale-lease")) throw error;
      if (failures === 0) options.onProblem(`Log lines are not archived yet: ${messageOf(error)} Trying again.`);
    }
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal: stopped });
  }
}
