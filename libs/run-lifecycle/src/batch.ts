/** Doing the same to many runs, each whatever becomes of the others. */
import type { ErrorCode } from "@spell/domain";
import { SpellError } from "@spell/domain";

/** Ids by what became of them. */
export interface BatchOutcome {
  done: number[];
  /** There is no such run, or it is somebody else's. */
  missing: number[];
  /** Its state does not allow it; in the order of the ids, with the reason. */
  refused: { id: number; code: ErrorCode; message: string }[];
}

/** The writes of so many runs share a transaction. More would hold up everybody else for longer, and save nothing. */
const GROUP = 200;

/**
 * Begins in the order of the list, a group of runs at a time: their changes are written together, so that the disk is waited for
 * once. Errors that are no answer about a run are thrown, and groups after that are left alone: saying it again does the rest.
 */
export async function forEachRun(ids: readonly number[], act: (id: number) => Promise<unknown>): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { done: [], missing: [], refused: [] };
  const each = [...new Set(ids)];
  for (let first = 0; first < each.length; first += GROUP) {
    const group = each.slice(first, first + GROUP);
    const results = await Promise.allSettled(group.map((id) => act(id)));
    for (const [at, id] of group.entries()) {
      const result = results[at];
      if (result?.status === "rejected") sortIn(outcome, id, result.reason);
      else outcome.done.push(id);
    }
    // Others who have asked for something have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return outcome;
}

function sortIn({ missing, refused }: BatchOutcome, id: number, error: unknown): void {
  if (!(error instanceof SpellError)) throw error;
  const { code, message } = error;
  if (code === "not-found") missing.push(id);
  else if (code === "conflict" || code === "forbidden") refused.push({ id, code, message });
  else throw error;
}
