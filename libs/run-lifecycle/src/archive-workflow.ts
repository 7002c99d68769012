/** Puts a workflow away, with all its runs: neither is listed any more. */
import type { SpellError } from "@spell/domain";
import { conflict, isFinal } from "@spell/domain";
import type { RunStore } from "@spell/run-store";
import type { FileRuns } from "./file-runs.ts";
import type { Principal } from "./principal.ts";
import type { RunLifecycle } from "./run-lifecycle.ts";

function stillActive(what: string): SpellError {
  return conflict(`${what}: stop or kill the workflow before you archive it.`, "workflow-active");
}

export async function archiveWorkflow(
  deps: { store: RunStore; lifecycle: RunLifecycle; filing: FileRuns; now: () => number },
  principal: Principal,
  workflowId: number,
): Promise<void> {
  const { workflow, runs } = await deps.lifecycle.getWorkflow(principal, workflowId);
  const active = runs.find((run) => !isFinal(run.status));
  if (active !== undefined) throw stillActive(`Run ${active.id} of workflow ${workflow.id} is still ${active.status}`);
  for (const run of runs) await deps.filing.archive(principal, run.id);
  // Its runs first: when this process ends in between, saying it again does the rest. One that was made meanwhile is found here.
  if (!(await deps.store.archiveWorkflow(workflowId, deps.now()))) {
    throw stillActive(`Workflow ${workflowId} has just got another run`);
  }
}
