/** Trying again while somebody else is away: an attempt outlives the outages of coordinator and store. */
import { hasCode } from "@spell/domain";
import pRetry from "p-retry";

/** Repeats while the error is `unavailable`, for as long as it takes; other errors and the signal end it. */
export function untilAvailable<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 10_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => hasCode(error, "unavailable") && !signal?.aborted,
  });
}
