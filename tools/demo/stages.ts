/** How a workflow went and how long each stage took, out of what `spell ps --json` prints. Pure. */
import { z } from "zod";

const runSchema = z.object({
  id: z.number(),
  status: z.string(),
  reason: z.string(),
  run_type: z.string(),
  command: z.string(),
  description: z.string(),
  workflow_id: z.number().nullable(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  ended_at: z.iso.datetime().nullable(),
});

type RunRow = z.infer<typeof runSchema>;

/** One run: the workflow's own or one that it launched. */
export interface Stage {
  runId: number;
  /** What the workflow calls it, else its command. */
  title: string;
  status: string;
  /** Sentence of the coordinator; empty while it runs. */
  reason: string;
  /** From its creation to its start; undefined when it never started. */
  waitedMs?: number;
  /** From its start until its outputs were safe; undefined when one of the two is missing. */
  tookMs?: number;
}

export interface WorkflowReport {
  master: Stage;
  /** In the order of their creation. */
  stages: Stage[];
}

/** The newest workflow of the list. Throws when the text is no list of runs or holds no workflow. */
export function parseWorkflow(psJson: string): WorkflowReport {
  const runs = z
    .array(runSchema)
    .parse(JSON.parse(psJson))
    .sort((left, right) => left.id - right.id);
  const master = runs.findLast((run) => run.run_type === "workflow");
  if (master === undefined) throw new Error("there is no workflow among the runs");
  const workers = runs.filter((run) => run.workflow_id === master.workflow_id && run.id !== master.id);
  return { master: stageOf(master), stages: workers.map(stageOf) };
}

/** A table with a heading and the sum, one line each. */
export function stageTable(stages: readonly Stage[]): string[] {
  const rows = stages.map(({ title, runId, status, tookMs, waitedMs }) => [
    title,
    `run ${runId}`,
    status === "complete" ? seconds(tookMs) : status,
    waitedMs === undefined ? "not started" : `${seconds(waitedMs)} to start`,
  ]);
  const sum = stages.reduce((total, { waitedMs = 0, tookMs = 0 }) => total + waitedMs + tookMs, 0);
  const table = [...rows, ["together", "", seconds(sum)]];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ")}`.trimEnd());
}

function stageOf(run: RunRow): Stage {
  return {
    runId: run.id,
    title: run.description || run.command,
    status: run.status,
    reason: run.reason,
    waitedMs: between(run.created_at, run.started_at),
    tookMs: between(run.started_at, run.ended_at),
  };
}

function between(from: string | null, until: string | null): number | undefined {
  return from === null || until === null ? undefined : Date.parse(until) - Date.parse(from);
}

function seconds(durationMs: number | undefined): string {
  return durationMs === undefined ? "-" : `${(durationMs / 1000).toFixed(2)} s`;
}
