/** Bytes that may be held in memory at once; whoever wants more waits his turn. */
export class MemoryBudget {
  readonly #totalBytes: number;
  #usedBytes = 0;
  readonly #waiting: { bytes: number; go: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** Waits for so many bytes; more than there are in all get through alone. Gives what gives them back. Throws the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const waiting = { bytes, go: turn.resolve };
    const leave = (): void => {
      const index = this.#waiting.indexOf(waiting);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
      turn.reject(signal.reason);
      this.#letThrough();
    };
    this.#waiting.push(waiting);
    signal.addEventListener("abort", leave, { once: true });
    this.#letThrough();
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
    return () => {
      this.#usedBytes -= bytes;
      this.#letThrough();
    };
  }

  #letThrough(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || (this.#usedBytes > 0 && this.#usedBytes + next.bytes > this.#totalBytes)) return;
      this.#waiting.shift();
      this.#usedBytes += next.bytes;
      next.go();
    }
  }
}
