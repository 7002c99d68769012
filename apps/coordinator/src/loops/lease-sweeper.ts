/** Looks for leases that have run out, every second. */
import type { RunLifecycle } from "@spell/run-lifecycle";

const EVERY_MS = 1_000;

export class LeaseSweeper {
  readonly #lifecycle: RunLifecycle;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(lifecycle: RunLifecycle, onError: (error: unknown) => void) {
    this.#lifecycle = lifecycle;
    this.#onError = onError;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#lifecycle
        .sweepLeases()
        .catch(this.#onError)
        .then(() => {
          if (this.#timer !== undefined) this.start();
        });
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }
}
