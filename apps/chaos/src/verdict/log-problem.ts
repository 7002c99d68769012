/** Whether a run's log holds the lines of its command, each once and in order. Pure. */
import type { RunFacts, TaskFacts } from "./evidence.ts";

/** What programs say by themselves when the disk under their output is full. */
const NO_SPACE = /No space left on device/;

/** The first thing that is wrong with it; undefined: nothing. A run that did not end by itself may have printed fewer lines. */
export function logProblem({ id, status, log }: RunFacts, task: TaskFacts): string | undefined {
  const { expected, found } = withoutUnsaid(log, task);
  const at = found.findIndex((line, index) => line !== expected[index]);
  if (at !== -1) {
    const instead = expected[at] === undefined ? "no more lines" : `"${expected[at]}"`;
    return `line ${at + 1} of run ${id} is "${found[at]}" instead of ${instead}`;
  }
  const isWhole = status === "complete" || status === "failed";
  return isWhole && found.length < expected.length
    ? `run ${id} has ${found.length} of ${expected.length} lines`
    : undefined;
}

/** Lines that the command could not print on a full disk, as it told the ledger, may be there, in part, or not. */
function withoutUnsaid(
  log: readonly string[],
  { lines, notes }: TaskFacts,
): { expected: readonly string[]; found: readonly string[] } {
  const numbers = notes.flatMap(({ what, value }) => (what === "unsaid" && value !== undefined ? value : []));
  if (numbers.length === 0) return { expected: lines, found: log };
  const unsaid = lines.filter((_, index) => numbers.includes(index + 1));
  return {
    expected: lines.filter((line) => !unsaid.includes(line)),
    found: log.filter(
      (line) => !NO_SPACE.test(line) && (lines.includes(line) ? !unsaid.includes(line) : !isPartOf(line, unsaid)),
    ),
  };
}

function isPartOf(line: string, whole: readonly string[]): boolean {
  return whole.some((each) => each.startsWith(line));
}
