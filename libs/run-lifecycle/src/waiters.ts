/** Those who wait for something about a run to be new. Every wait also ends by itself after a while, and its owner looks again. */

/** How long a waiter sleeps at most, milliseconds. */
const LOOK_AGAIN_MS = 2_000;

export class Waiters {
  readonly #waiters = new Map<number, Set<() => void>>();

  /** Resolves when the run's waiters are woken, after a while, or when the signal fires. */
  next(runId: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(runId) ?? new Set();
      this.#waiters.set(runId, waiters);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        waiters.delete(done);
        if (waiters.size === 0 && this.#waiters.get(runId) === waiters) this.#waiters.delete(runId);
        resolve();
      };
      const timer = setTimeout(done, LOOK_AGAIN_MS);
      waiters.add(done);
      if (signal?.aborted) done();
      else signal?.addEventListener("abort", done, { once: true });
    });
  }

  wake(runId: number): void {
    for (const waiter of [...(this.#waiters.get(runId) ?? [])]) waiter();
  }

  wakeAll(): void {
    for (const runId of [...this.#waiters.keys()]) this.wake(runId);
  }
}
