/** Does something again and again: the pause begins when it is done, also when it failed. */

interface SweeperOptions {
  sweep: () => Promise<void>;
  everyMs: number;
  onError: (error: unknown) => void;
}

export class Sweeper {
  readonly #given: SweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(given: SweeperOptions) {
    this.#given = given;
  }

  start(): void {
    const { sweep, everyMs, onError } = this.#given;
    this.#timer = setTimeout(() => {
      this.#running = sweep()
        .catch(onError)
        .then(() => {
          if (this.#timer !== undefined) this.start();
        });
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }
}
