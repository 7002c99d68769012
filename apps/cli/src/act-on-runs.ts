/** What `stop`, `kill` and `archive` have in common: one run or many, said to people or as JSON. */
import type { Run } from "@spell/sdk";
import { failureOf, forEachRun } from "./end-runs.ts";
import type { BatchOutcome } from "./end-runs.ts";
import { terminal } from "./output/terminal.ts";
import { parseId } from "./run-id.ts";
import { openClient } from "./session.ts";

export interface ActOptions {
  quiet?: boolean;
  json?: boolean;
}

interface Action {
  /** As in "Failed to stop". */
  verb: string;
  act: (run: Run) => Promise<unknown>;
  /** What is said of a single run. */
  one: (id: number) => string;
  /** What is said before many are acted on. */
  before?: string;
  /** What is said of many. */
  many: (outcome: BatchOutcome) => string[];
}

/** Does it. A single run that cannot be acted on is an error; of many, those are named and the others go on. */
export async function actOnRuns(words: readonly string[], options: ActOptions, action: Action): Promise<void> {
  const ids = words.map(parseId);
  const { quiet = false, json = false } = options;
  const say = (line: string): void => (quiet || json ? undefined : terminal.line(line));
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    await action.act(await client.runs.get(id));
    say(action.one(id));
    if (json) terminal.json({ done: [id], missing: [], refused: [], failed: [] });
    return;
  }
  if (action.before !== undefined) say(action.before);
  const outcome = await forEachRun(client, ids, action.act);
  for (const line of action.many(outcome)) say(line);
  if (json) terminal.json(outcome);
  const failure = failureOf(outcome, action.verb);
  if (failure !== undefined) throw failure;
}
