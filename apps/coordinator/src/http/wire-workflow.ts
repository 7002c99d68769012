/** Workflows in the JSON that the historical clients parse. */
import type { LabelCode, RunRecord, UserRecord, WorkflowRecord } from "@spell/run-store";
import { wireRun, withoutTypedNames } from "./wire.ts";

export function wireWorkflow(request: {
  workflow: WorkflowRecord;
  runs: readonly RunRecord[];
  creator: UserRecord;
  nowMs: number;
}): Record<string, unknown> {
  const { workflow, runs, creator, nowMs } = request;
  const managing = runs.find((run) => run.id === workflow.managingRunId);
  return {
    id: workflow.id,
    workspace_specs: specsOf(workflow, ({ workspaceId, commit }) =>
      workspaceId === undefined ? undefined : { workspace_id: workspaceId, commit_hash: commit },
    ),
    github_specs: specsOf(workflow, ({ githubUrl, githubRef, commit }) =>
      githubUrl === undefined ? undefined : { url: githubUrl, ref: githubRef, commit_hash: commit },
    ),
    labels: workflow.labels.map((each) => each.label),
    managing_run: managing === undefined ? null : wireRun(managing, creator, nowMs),
    runs: runs.filter((run) => run.id !== workflow.managingRunId).map((run) => wireRun(run, creator, nowMs)),
  };
}

function specsOf(
  workflow: WorkflowRecord,
  specOf: (code: LabelCode) => Record<string, unknown> | undefined,
): Record<string, unknown> {
  const specs = workflow.labels.flatMap(({ label, code }) => {
    const spec = code && specOf(code);
    return spec === undefined ? [] : [[label, spec] as const];
  });
  return withoutTypedNames(Object.fromEntries(specs));
}
