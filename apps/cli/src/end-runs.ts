/** Stopping or killing one run or many. */
import { hasCode, messageOf } from "@spell/domain";
import type { SpellClient } from "@spell/sdk";
import { count } from "./output/format.ts";
import { terminal } from "./output/terminal.ts";

export interface BatchOutcome {
  done: number[];
  /** Had ended before: in a batch that is no error. */
  finished: number[];
  failed: { id: number; message: string }[];
}

/** Ends every run of the list, each whatever becomes of the others. */
export async function endRuns(
  client: SpellClient,
  ids: readonly number[],
  how: "stop" | "kill",
): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { done: [], finished: [], failed: [] };
  for (const id of new Set(ids)) {
    try {
      const run = await client.runs.get(id);
      await run[how]();
      outcome.done.push(id);
    } catch (error) {
      if (hasCode(error, "conflict")) outcome.finished.push(id);
      else if (hasCode(error, "not-found")) outcome.failed.push({ id, message: messageOf(error) });
      else throw error;
    }
  }
  return outcome;
}

/** Says what became of a batch; true when nothing failed. */
export function reportBatch(outcome: BatchOutcome, verb: string, options: { quiet: boolean }): boolean {
  const { done, finished, failed } = outcome;
  if (!options.quiet) {
    if (done.length > 0) terminal.line(`${verb} ${count(done.length, "run")}: ${done.join(", ")}`);
    if (finished.length > 0) terminal.line(`Already finished: ${finished.join(", ")}`);
  }
  for (const { message } of failed) terminal.error(message);
  return failed.length === 0;
}
