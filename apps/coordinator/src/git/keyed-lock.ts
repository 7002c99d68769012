/** One at a time per key: two gits must not change one repository together. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs it when everything that was asked for under this key before has ended, however it ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    this.#tails.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === settled) this.#tails.delete(key);
    }
  }
}
