/** Keeps a number of things under way for a while and counts what is finished. */

export interface Rate {
  count: number;
  perSecond: number;
}

/** As soon as one has finished the next begins, until the time is over; those under way then are waited for and count. */
export async function keepInFlight(
  load: { atOnce: number; forMs: number; signal: AbortSignal },
  task: () => Promise<unknown>,
): Promise<Rate> {
  const { atOnce, forMs, signal } = load;
  const startedAt = performance.now();
  let count = 0;
  let isBroken = false;
  const lane = async (): Promise<void> => {
    try {
      while (!isBroken && performance.now() - startedAt < forMs) {
        signal.throwIfAborted();
        await task();
        count += 1;
      }
    } catch (error) {
      isBroken = true;
      throw error;
    }
  };
  // All of them end before the first failure is told: nothing goes on behind the caller's back.
  const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  const failed = lanes.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return { count, perSecond: (count * 1000) / (performance.now() - startedAt) };
}
