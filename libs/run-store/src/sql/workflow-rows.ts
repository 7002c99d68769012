/** Workflows as others see them who write: whether a run may still be added to one is part of the write that adds it. */
import { conflict } from "@spell/domain";
import type { WorkflowRecord } from "../records.ts";
import { toWorkflow } from "./rows.ts";
import type { Sql } from "./statement.ts";
import { find } from "./statement.ts";

export function* selectWorkflow(id: number): Sql<WorkflowRecord | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const row = yield* find("SELECT * FROM workflows WHERE id = ?", id);
  return row && toWorkflow(row);
}

/** Throws conflict when the workflow was stopped, killed or archived: a run made now would be one that nobody ends. */
export function* requireOpenWorkflow(id: number): Sql<void> {
  const workflow = yield* selectWorkflow(id);
  if (workflow === undefined || isOpen(workflow)) return;
  const { requested, requestedBy, archivedAtMs } = workflow;
  const ended = requested === "kill" ? "killed" : "stopped";
  const how = archivedAtMs === undefined ? `was ${ended} by ${requestedBy ?? "its owner"}` : "is archived";
  throw conflict(`Workflow ${id} ${how}: no run is added to it any more. Make a new workflow.`, "workflow-ended");
}

/** Whether a run may be added to it, or belongs to none. */
export function* isOpenWorkflow(id: number | undefined): Sql<boolean> {
  const workflow = id === undefined ? undefined : yield* selectWorkflow(id);
  return workflow === undefined || isOpen(workflow);
}

function isOpen({ requested, archivedAtMs }: WorkflowRecord): boolean {
  return requested === undefined && archivedAtMs === undefined;
}
