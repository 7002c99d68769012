/** How programs that start others (the demo, the benchmarks) hear that they are to end. */

/** Somebody wants the program to end. */
export class Interrupted extends Error {
  /** As a shell reports the signal. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("Interrupted.");
    this.exitCode = exitCode;
  }
}

/**
 * Aborts with `Interrupted` at the first signal that asks for an end, and says the sentence; further ones change nothing, the
 * end is under way.
 */
export function interruption(sentence: string): AbortSignal {
  const controller = new AbortController();
  for (const [name, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) return;
      process.stdout.write(`\n${sentence}\n`);
      controller.abort(new Interrupted(exitCode));
    });
  }
  return controller.signal;
}
