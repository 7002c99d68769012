/** Does a thing once for everybody who asks for it meanwhile; one who gives up does not spoil it for the others. */

interface Work<T> {
  result: Promise<T>;
  waiting: number;
  /** Fires when the last one who waited has given up. */
  abandoned: AbortController;
}

/** Work in progress, by a key that says what it makes. */
export class SharedWork<T> {
  readonly #running = new Map<string, Work<T>>();

  /**
   * Joins the work of this key, or begins it. `make` gets a signal that fires when nobody waits any more. Throws what
   * `make` throws, or the reason of the caller's own signal.
   */
  async join(
    key: string,
    { make, signal }: { make: (signal: AbortSignal) => Promise<T>; signal?: AbortSignal },
  ): Promise<T> {
    signal?.throwIfAborted();
    const work = this.#running.get(key) ?? this.#begin(key, make);
    work.waiting += 1;
    const gaveUp = Promise.withResolvers<never>();
    const giveUp = (): void => gaveUp.reject(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([work.result, gaveUp.promise]);
    } finally {
      signal?.removeEventListener("abort", giveUp);
      work.waiting -= 1;
      if (work.waiting === 0) this.#abandon(key, work);
    }
  }

  #begin(key: string, make: (signal: AbortSignal) => Promise<T>): Work<T> {
    const abandoned = new AbortController();
    const result = make(abandoned.signal).finally(() => this.#forget(key, work));
    // Whoever waits sees the failure; when nobody waits any more, nobody needs to.
    result.catch(() => undefined);
    const work: Work<T> = { result, waiting: 0, abandoned };
    this.#running.set(key, work);
    return work;
  }

  /** Who comes from now on begins anew rather than join what is being stopped. */
  #abandon(key: string, work: Work<T>): void {
    this.#forget(key, work);
    work.abandoned.abort(new Error("nobody waits for it any more"));
  }

  #forget(key: string, work: Work<T>): void {
    if (this.#running.get(key) === work) this.#running.delete(key);
  }
}
