/** Says what went wrong in a trial, column by column. Pure: the same evidence always gives the same verdict. */
import { isFinal } from "@spell/domain";
import { WRITE_FAILED } from "../load/task.ts";
import { blameProblem } from "./blame.ts";
import type { Evidence, RunFacts, TaskFacts } from "./evidence.ts";
import { logProblem } from "./log-problem.ts";

/** One thing that is wrong. */
export interface Complaint {
  column: Column;
  key: string;
  runId?: number;
  sentence: string;
}

type Check = (task: TaskFacts, evidence: Evidence) => string | undefined;

/** What is looked for in each task; a column of the table each. */
const CHECKS = {
  lost: ({ createdId, runs }) => {
    if (createdId === undefined) return "the farm never answered its creation";
    return runs.some(({ id }) => id === createdId) ? undefined : `run ${createdId} is not in the record`;
  },
  doubled: ({ notes, runs }) => {
    if (runs.length > 1) return `one creation made the runs ${runs.map(({ id }) => id).join(", ")}`;
    const starts = new Set(notes.filter(({ what }) => what === "started").map(({ execution }) => execution));
    return starts.size > 1 ? `its command was executed ${starts.size} times` : undefined;
  },
  stuck: ({ runs }) => {
    const open = runs.find(({ status }) => !isFinal(status));
    return open && `run ${open.id} is still ${open.status}: ${open.reason}`;
  },
  "falsely failed": (task, evidence) => firstOf(task, (run) => blameProblem(run, task, evidence)),
  "log lines": (task) => firstOf(task, (run) => logProblem(run, task)),
  "wrong bytes": (task) =>
    firstOf(task, ({ id, status, digest }) => {
      const isWhole = !task.notes.some(({ what, value }) => what === "ended" && value === WRITE_FAILED);
      const saved = (status === "complete" || status === "failed") && isWhole;
      if (digest === undefined) return status === "complete" ? `the file of run ${id} is not there` : undefined;
      return saved && digest !== task.digest ? `the file of run ${id} has the digest ${digest}` : undefined;
    }),
} satisfies Record<string, Check>;

export type Column = keyof typeof CHECKS | "leftovers";
export const COLUMNS: readonly Column[] = [...(Object.keys(CHECKS) as (keyof typeof CHECKS)[]), "leftovers"];

/** Everything that is wrong. */
export function judge(evidence: Evidence): Complaint[] {
  const checks = Object.entries(CHECKS) as [keyof typeof CHECKS, Check][];
  const ofTasks = evidence.tasks.flatMap((task) =>
    checks.flatMap(([column, check]) => {
      const sentence = check(task, evidence);
      return sentence === undefined ? [] : [{ column, key: task.key, runId: task.createdId, sentence }];
    }),
  );
  return [...ofTasks, ...evidence.leftovers.map((sentence) => ({ column: "leftovers" as const, key: "", sentence }))];
}

function firstOf(task: TaskFacts, problem: (run: RunFacts) => string | undefined): string | undefined {
  return task.runs.map(problem).find((sentence) => sentence !== undefined);
}
