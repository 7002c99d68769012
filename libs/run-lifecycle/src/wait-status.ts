/** Whether a run has reached one of some statuses, can still, or never will. Pure. */
import type { RunStatus } from "@spell/domain";
import { FINAL_STATUSES, isFinal } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";

export type WaitVerdict = { kind: "reached" } | { kind: "wait" } | { kind: "impossible"; message: string };

/** The path every run walks: having been further on counts as having passed what lies before. */
const PATH: readonly RunStatus[] = ["machine_requested", "building", "mounting", "running", "saving", "pushing"];

export function waitVerdict(run: RunRecord, wanted: readonly RunStatus[]): WaitVerdict {
  const furthest = Math.max(...run.passed.map((status) => PATH.indexOf(status)), completed(run) ? PATH.length - 1 : -1);
  const reached = wanted.some((status) => run.passed.includes(status) || within(PATH.indexOf(status), furthest));
  if (reached) return { kind: "reached" };
  if (!isFinal(run.status)) return { kind: "wait" };
  const names = [...wanted].sort().join(", ");
  const finals = wanted.filter((status) => (FINAL_STATUSES as readonly string[]).includes(status));
  const what = finals.length === wanted.length ? "is not" : "never reached";
  return {
    kind: "impossible",
    message: `Run ${run.id} has ended as ${run.status} and ${what} ${names}. ${run.reason}`.trim(),
  };
}

function within(index: number, furthest: number): boolean {
  return index >= 0 && index <= furthest;
}

function completed(run: RunRecord): boolean {
  return run.status === "complete";
}
