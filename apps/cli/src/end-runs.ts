/** The same for many runs at once: stopping, killing, archiving. */
import { hasCode, messageOf } from "@spell/domain";
import type { Run, SpellClient } from "@spell/sdk";

interface Refusal {
  id: number;
  message: string;
}

export interface BatchOutcome {
  done: number[];
  missing: number[];
  /** Their state does not allow it, in the coordinator's words: most often they have ended. */
  refused: Refusal[];
  /** Not for this user, or not from here. */
  failed: Refusal[];
}

/** Does it to every run of the list in order, each whatever becomes of the others. */
export async function forEachRun(
  client: SpellClient,
  ids: readonly number[],
  act: (run: Run) => Promise<unknown>,
): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { done: [], missing: [], refused: [], failed: [] };
  for (const id of new Set(ids)) {
    try {
      await act(await client.runs.get(id));
      outcome.done.push(id);
    } catch (error) {
      if (hasCode(error, "not-found")) outcome.missing.push(id);
      else if (hasCode(error, "conflict")) outcome.refused.push({ id, message: messageOf(error) });
      else if (hasCode(error, "forbidden")) outcome.failed.push({ id, message: messageOf(error) });
      else throw error;
    }
  }
  return outcome;
}

/** What became of a batch that ends runs, line by line as scripts know it. Pure. */
export function batchLines({ done, missing, refused }: BatchOutcome, verb: "stop" | "kill"): string[] {
  const lines: string[] = [];
  if (refused.length > 0) lines.push(`| Already finished: ${refused.map(({ id }) => id).join(" ")}`);
  if (missing.length > 0) lines.push(`| Run ID does not exist: ${missing.join(" ")}`);
  if (done.length === 0) return lines;
  if (verb === "kill") return [...lines, `| Successfully killed: ${done.join(" ")}`];
  return [...lines, RULE, `| Successfully stopping: ${done.join(" ")}. Any outputs will be pushed and saved.`];
}

const RULE = "-".repeat(38);

/** An error for those that failed, if any did. Pure. */
export function failureOf({ failed }: BatchOutcome, verb: string): Error | undefined {
  const [first] = failed;
  if (first === undefined) return undefined;
  return new Error(`Failed to ${verb}: ${failed.map(({ id }) => id).join(" ")} (${first.message})`);
}
