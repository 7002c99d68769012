/** Lets a part of the agent "die" at one of its calls: that call, and every later one, never comes back. */

export interface CrashPoint {
  /** Which call of all wrapped objects, from 1; Infinity: none. */
  call: number;
  /** Whether the call itself is still made. */
  when: "before" | "after";
}

/** A part cannot die in them: they only look. */
const ANSWER_AT_ONCE: ReadonlySet<string> = new Set(["hasExited", "liveSpellPath"]);

export class Crasher {
  readonly #point: CrashPoint;
  readonly #died = Promise.withResolvers<void>();
  #dead = false;
  /** Names of the calls so far. */
  readonly calls: string[] = [];

  constructor(point: CrashPoint) {
    this.#point = point;
  }

  /** Dies now. */
  kill(): void {
    void this.#die();
  }

  /** Resolves at the crash. */
  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** The object with every asynchronous method under watch; other properties as they are. */
  watch<T extends object>(target: T, name: string): T {
    return new Proxy(target, {
      get: (_target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function" || typeof key !== "string") return value;
        if (ANSWER_AT_ONCE.has(key)) return (...args: unknown[]) => Reflect.apply(value, target, args) as unknown;
        const call = `${name}.${key}`;
        const make = (args: unknown[]): unknown => Reflect.apply(value, target, args);
        if (key === "readTree") return (...args: unknown[]) => this.#iterate(call, () => make(args));
        return (...args: unknown[]) => this.#call(call, () => make(args));
      },
    });
  }

  async *#iterate(name: string, make: () => unknown): AsyncGenerator<unknown> {
    await this.#call(name, () => undefined);
    yield* make() as AsyncIterable<unknown>;
  }

  async #call(name: string, make: () => unknown): Promise<unknown> {
    if (this.#dead) return never();
    this.calls.push(name);
    const isIt = this.calls.length === this.#point.call;
    if (isIt && this.#point.when === "before") return this.#die();
    const result = await make();
    if (isIt) return this.#die();
    return this.#dead ? never() : result;
  }

  #die(): Promise<never> {
    this.#dead = true;
    this.#died.resolve();
    return never();
  }
}

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
