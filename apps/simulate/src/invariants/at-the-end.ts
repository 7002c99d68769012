/** What must be true once everything has ended: no line lost, doubled or out of order; nothing acknowledged is missing. */
import type { ReadEntry } from "../ledger.ts";
import { attemptOf } from "../parts/program.ts";
import type { AttemptRow, RecordView, RunRow } from "./record-view.ts";

type Logs = ReadonlyMap<number, readonly ReadEntry[]>;

export function checkEnd(view: RecordView, logs: Logs): string | undefined {
  const { ledger } = view.scene;
  const lost = ledger.asked.find(({ runId }) => runId === undefined || !view.runs.has(runId));
  if (lost !== undefined) return `the request of ${lost.word} never came to a run`;
  for (const run of view.runs.values()) {
    const wrong = checkLog(view, run, logs.get(run.id) ?? []);
    if (wrong !== undefined) return `the log of run ${run.id} (${run.status}) ${wrong}`;
  }
  return undefined;
}

function checkLog(view: RecordView, run: RunRow, entries: readonly ReadEntry[]): string | undefined {
  const attempts = view.attemptsOf(run.id);
  const lines = entries.filter(({ level }) => level === "").map(({ text }) => text);
  const byAttempt = Map.groupBy(lines, attemptOf);
  let isWhole = true;
  for (const attempt of attempts) {
    const command = view.scene.ledger.startsOf(run.id, attempt.number)[0];
    // A power cut may tear what was not synced, and with it what of a log was not archived.
    if (command?.machineLost === true) return undefined;
    isWhole &&= attempt.logEntries !== null;
    const wrong = checkAttempt(attempt, byAttempt.get(attempt.number) ?? [], command?.printed ?? []);
    if (wrong !== undefined) return wrong;
  }
  const order = lines.map((line) => attemptOf(line) ?? 0);
  if (order.some((attempt, index) => attempt < (order[index - 1] ?? 0))) return "has the lines of its attempts mixed";
  // What a lost agent had not archived is gone, also what was seen of it on its way.
  return isWhole ? view.scene.ledger.contradictions.get(run.id) : undefined;
}

/** The lines must be those that were printed, each once, in order, from the first on; all of them when the agent told the end. */
function checkAttempt(attempt: AttemptRow, lines: readonly string[], printed: readonly string[]): string | undefined {
  for (const [index, line] of lines.entries()) {
    if (line !== printed[index]) return `has "${line}" where "${printed[index]}" was printed`;
  }
  if (attempt.logEntries === null || lines.length === printed.length) return undefined;
  return `has ${lines.length} of the ${printed.length} lines that were printed in attempt ${attempt.number}`;
}
