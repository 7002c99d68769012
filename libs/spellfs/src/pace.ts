/** Long work in short steps, so that a process goes on answering while it counts, links or writes thousands of files. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** How long everything else waits at most, ms: heartbeats and logs go out in between. */
const STEP_MS = 8;

/**
 * Asked between any two pieces of work: `if (pace.isOver) await pace.rest()`. A look at the clock is cheaper than counting
 * pieces, of which nobody knows how long one takes on a slow disk.
 */
export class Pace {
  #startedAt = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#startedAt >= STEP_MS;
  }

  /** Lets everything else have its turn. */
  async rest(): Promise<void> {
    await nextTurn();
    this.#startedAt = performance.now();
  }
}
