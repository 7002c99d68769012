/** Trying again while somebody else is away: an attempt outlives the outages of coordinator and store. */
import { hasCode } from "@spell/domain";
import pRetry from "p-retry";

/** How to wait. */
export interface Patience {
  signal?: AbortSignal;
  /** Also until there is room again on a full disk, ours or theirs. */
  untilRoom?: boolean;
  /** Told what went wrong when the waiting begins, and again every ten minutes. */
  onWait?: (problem: Error) => void;
}

const SAID_EVERY_MS = 10 * 60_000;

/** Repeats while the error is `unavailable`, for as long as it takes; other errors and the signal end it. */
export function untilAvailable<T>(work: () => Promise<T>, { signal, untilRoom, onWait }: Patience): Promise<T> {
  const passes = (error: unknown): boolean =>
    hasCode(error, "unavailable") || (untilRoom === true && isDiskFull(error));
  let saidAt = Number.NEGATIVE_INFINITY;
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 10_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => passes(error) && !signal?.aborted,
    onFailedAttempt: ({ error }) => {
      if (!passes(error) || signal?.aborted || performance.now() - saidAt < SAID_EVERY_MS) return;
      saidAt = performance.now();
      onWait?.(error);
    },
  });
}

function isDiskFull(error: unknown): boolean {
  const { code, reason } = error as { code?: unknown; reason?: unknown };
  return code === "ENOSPC" || code === "EDQUOT" || reason === "disk-full";
}
