/** What must be true once everything has ended: no line lost, doubled or out of order; nothing acknowledged is missing. */
import type { ReadEntry } from "../ledger.ts";
import type { RecordView } from "./record-view.ts";

export function checkEnd(view: RecordView, logs: ReadonlyMap<number, readonly ReadEntry[]>): string | undefined {
  const { ledger } = view.scene;
  const lost = ledger.asked.find(({ runId }) => runId === undefined || !view.runs.has(runId));
  if (lost !== undefined) return `the request of ${lost.word} never came to a run`;
  for (const run of view.runs.values()) {
    const command = ledger.startsOf(run.id, run.attempt)[0];
    // A power cut may tear what was not synced, and with it what of a log was not archived.
    if (command?.machineLost === true) continue;
    const lines = (logs.get(run.id) ?? []).filter(({ level }) => level === "").map(({ text }) => text);
    const printed = command?.printed ?? [];
    const wrong = wrongOrder(lines, printed);
    if (wrong !== undefined) return `the log of run ${run.id} ${wrong}`;
    // What a lost agent had not archived is gone, also what was seen of it on its way.
    if (run.logEntries === null) continue;
    const contradiction = ledger.contradictions.get(run.id);
    if (contradiction !== undefined) return contradiction;
    if (lines.length < printed.length) {
      return `the log of run ${run.id} (${run.status}) has ${lines.length} of the ${printed.length} lines that were printed`;
    }
  }
  return undefined;
}

/** The lines must be those that were printed, each once, in order, from the first on. */
function wrongOrder(lines: readonly string[], printed: readonly string[]): string | undefined {
  for (const [index, line] of lines.entries()) {
    if (line !== printed[index]) return `has "${line}" where "${printed[index]}" was printed`;
  }
  return undefined;
}
