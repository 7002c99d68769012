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

/** One after the other: what comes first in the list happens first. Errors that are no answer about a run are thrown. */
export async function forEachRun(ids: readonly number[], act: (id: number) => Promise<unknown>): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { done: [], missing: [], refused: [] };
  for (const id of new Set(ids)) {
    try {
      await act(id);
      outcome.done.push(id);
    } catch (error) {
      if (!(error instanceof SpellError)) throw error;
      if (error.code === "not-found") outcome.missing.push(id);
      else if (error.code === "conflict" || error.code === "forbidden")
        outcome.refused.push({ id, code: error.code, message: error.message });
      else throw error;
    }
  }
  return outcome;
}
