/** Trying again while somebody else is away: an attempt outlives the outages of coordinator and store. */
import { hasCode } from "@spell/domain";
import pRetry from "p-retry";

/** How to wait. */
export interface Patience {
  signal?: AbortSignal;
  /** Told what went wrong when the waiting begins, and again every ten minutes. */
  onWait?: (problem: Error) => void;
}

const SAID_EVERY_MS = 10 * 60_000;

/** Repeats while the error is `unavailable`, for as long as it takes; other errors and the signal end it. */
export function untilAvailable<T>(work: () => Promise<T>, { signal, onWait }: Patience): Promise<T> {
  let saidAt = Number.NEGATIVE_INFINITY;
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 10_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => hasCode(error, "unavailable") && !signal?.aborted,
    onFailedAttempt: ({ error }) => {
      if (!hasCode(error, "unavailable") || signal?.aborted || performance.now() - saidAt < SAID_EVERY_MS) return;
      saidAt = performance.now();
      onWait?.(error);
    },
  });
}
