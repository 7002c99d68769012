/**
 * Wakes whoever waits for a change of a run. The news comes over the event bus, so it also reaches the clients of a standby
 * coordinator; since the bus may lose news, every wait also ends by itself after a while and its owner looks again.
 */
import type { EventBus, Subscription } from "@spell/event-bus";
import type { RunRecord } from "@spell/run-store";

/** How long a waiter sleeps at most before it looks at the record again, milliseconds. */
const LOOK_AGAIN_MS = 2_000;

export class RunChanges {
  readonly #bus: EventBus;
  readonly #waiters = new Map<number, Set<() => void>>();
  #subscription: Subscription | undefined;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#bus.subscribeStatus((news) => this.#wake(news.runId));
  }

  async stop(): Promise<void> {
    await this.#subscription?.close();
    for (const runId of [...this.#waiters.keys()]) this.#wake(runId);
  }

  /** Tells the world, after the commit. With the bus away this process's own waiters are told directly. */
  publish(run: Pick<RunRecord, "id" | "status" | "version">): void {
    if (!this.#bus.connected()) {
      this.#wake(run.id);
      return;
    }
    this.#bus
      .publishStatus({ runId: run.id, status: run.status, version: run.version })
      .catch(() => this.#wake(run.id));
  }

  /** Resolves at the next news of this run, after a while, or when the signal fires. */
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

  #wake(runId: number): void {
    for (const waiter of [...(this.#waiters.get(runId) ?? [])]) waiter();
  }
}
