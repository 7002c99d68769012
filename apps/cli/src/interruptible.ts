/** Lets ^C wait for a command to put away what it has begun: nothing half stays. A second one ends it at once. */
import { EXIT_INTERRUPTED, UsageError } from "./exit-codes.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Does work that ends soon after its signal fires. `outcome` says what it came to then: `nothing was copied`. */
export async function interruptible<T>(outcome: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const interrupt = (): void => {
    settle();
    abort.abort(new UsageError(EXIT_INTERRUPTED, `Interrupted: ${outcome}.`));
  };
  const settle = (): void => {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(abort.signal);
  } catch (error) {
    // However the work says that it was ended.
    abort.signal.throwIfAborted();
    throw error;
  } finally {
    settle();
  }
}
