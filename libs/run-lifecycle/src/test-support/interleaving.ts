/**
 * Decides in which order the calls of several actors reach a store: each call waits at a gate until it is let through, one at a time, and
 * only once nobody is on the move. So every order of calls can be played, again and again the same.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

interface Waiting {
  name: string;
  pass: () => void;
}

export class Interleaving {
  /** What was let through, in order. */
  readonly played: string[] = [];
  readonly #waiting: Waiting[] = [];
  #moving = 0;
  #open = false;

  /** The object with gates before its asynchronous methods. */
  gated<T extends object>(name: string, target: T, parts: readonly string[] = []): T {
    return new Proxy(target, {
      get: (_target, key) => {
        const value: unknown = Reflect.get(target, key);
        const path = `${name}.${String(key)}`;
        if (parts.includes(String(key)) && typeof value === "object" && value !== null) return this.gated(path, value);
        if (typeof value !== "function") return value;
        return (...given: unknown[]): unknown => {
          if (key === "watch") return value.apply(target, given) as unknown;
          if (key === "list" || key === "listMultiparts")
            return this.#gatedList(path, value.apply(target, given) as AsyncIterable<unknown>);
          return this.#gate(path, () => value.apply(target, given) as Promise<unknown>);
        };
      },
    });
  }

  /** Lets one call through after the other, the one that `choose` says; ends when nobody waits, or after so many. */
  async play(choose: (count: number) => number, most = Number.POSITIVE_INFINITY): Promise<void> {
    for (let count = 0; count < most; count += 1) {
      await this.#quiet();
      const [next] = this.#waiting.splice(choose(this.#waiting.length), 1);
      if (next === undefined) return;
      this.played.push(next.name);
      next.pass();
    }
    await this.#quiet();
  }

  /** From now on every call goes through at once. */
  openAll(): void {
    this.#open = true;
    for (const { pass } of this.#waiting.splice(0)) pass();
  }

  async #gate<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (!this.#open) await new Promise<void>((pass) => this.#waiting.push({ name, pass }));
    this.#moving += 1;
    try {
      return await call();
    } finally {
      this.#moving -= 1;
    }
  }

  async *#gatedList(name: string, list: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
    const entries = list[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#gate(name, () => entries.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Until all that was let through has come to its next gate or its end. */
  async #quiet(): Promise<void> {
    for (let still = 0; still < 3; still = this.#moving === 0 ? still + 1 : 0) await nextTurn();
  }
}
