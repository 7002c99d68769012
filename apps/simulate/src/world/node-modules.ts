/** What takes the place of Node.js' other modules: timers as promises, random bytes, compression. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { currentProcess, world } from "./world.ts";

/** As of `node:timers/promises`: ends early, with an AbortError, when the signal fires. */
function delay(delayMs = 1, value?: unknown, options: { signal?: AbortSignal } = {}): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      const error = new Error("The operation was aborted", { cause: signal?.reason });
      reject(Object.assign(error, { name: "AbortError", code: "ABORT_ERR" }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve(value);
    }, delayMs);
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });
}

export const timersModule = {
  setTimeout: delay,
  setImmediate: (value?: unknown) => new Promise((resolve) => setImmediate(() => resolve(value))),
};

/** Of the world's chance; outside of a world nobody draws. */
function randomBytes(count: number): Buffer {
  return world().random.bytes(count);
}

export const cryptoModule = {
  randomBytes,
  randomUUID: () => {
    const hex = randomBytes(16).toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  },
  randomInt: (least: number, beyond?: number) =>
    beyond === undefined ? world().random.whole(0, least - 1) : world().random.whole(least, beyond - 1),
};

type Done = (error: Error | null, result?: Buffer) => void;

/** In the thread pool, so it takes a moment. */
function inPool<Options>(work: (bytes: Uint8Array, options: Options) => Buffer) {
  return (bytes: Uint8Array, options: Options, done: Done): void => {
    world().after(
      world().random.between(0.05, 1),
      "zstd",
      () => {
        let result: Buffer;
        try {
          result = work(bytes, options);
        } catch (error) {
          done(error as Error);
          return;
        }
        done(null, result);
      },
      currentProcess(),
    );
  };
}

export const zlibModule = { zstdCompress: inPool(zstdCompressSync), zstdDecompress: inPool(zstdDecompressSync) };
