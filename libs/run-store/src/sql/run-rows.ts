/** The statements that make and change runs, each a part of a write. */
import type { LogEntry } from "@spell/domain";
import type { NewRun, RunChange, RunRecord } from "../records.ts";
import type { BlobTable } from "./blob-table.ts";
import { changeAttempt, insertAttempt } from "./attempts.ts";
import { searchableJson } from "./json.ts";
import { toRun } from "./rows.ts";
import type { Sql } from "./statement.ts";
import { find, one, run } from "./statement.ts";
import { isOpenWorkflow, requireOpenWorkflow } from "./workflow-rows.ts";

/**
 * Inserts a queued run with its first notices. Throws when what it is made of is not there any more, or its workflow takes none.
 * `from`: it goes on for that run.
 */
export function* insertRun(blobs: BlobTable, fresh: NewRun, clientKey: string, from?: number): Sql<RunRecord> {
  if (fresh.workflowId !== undefined) yield* requireOpenWorkflow(fresh.workflowId);
  yield* blobs.requireRun(fresh.spec);
  const row = yield* one(
    `INSERT INTO runs (owner, run_type, workflow_id, client_key, spec, status, passed, created_at_ms, labels, project_id,
       hyper_search_id, request_hash, resumed_from_run)
     VALUES (?, ?, ?, ?, ?, 'machine_requested', '["machine_requested"]', ?, ?, ?, ?, ?, ?) RETURNING *`,
    fresh.owner,
    fresh.runType,
    fresh.workflowId ?? null,
    clientKey === "" ? null : clientKey,
    searchableJson(fresh.spec),
    fresh.createdAtMs,
    searchableJson(fresh.labels),
    fresh.projectId ?? null,
    fresh.hyperSearchId ?? null,
    fresh.requestHash,
    from ?? null,
  );
  const made = toRun(row);
  yield* insertNotices({ runId: made.id, place: "before", notices: fresh.notices, from: 0 });
  return made;
}

export function* selectRun(id: number): Sql<RunRecord | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const row = yield* find("SELECT * FROM runs WHERE id = ?", id);
  return row && toRun(row);
}

/** Applies a change under the guard of the version; undefined when somebody was faster. */
export function* changeRun(
  blobs: BlobTable,
  request: { id: number; version: number; change: RunChange },
): Sql<RunRecord | undefined> {
  const { id, version, change } = request;
  const before = yield* selectRun(id);
  if (before?.version !== version) return undefined;
  if (change.outputTree !== undefined) yield* blobs.note(change.outputTree);
  const { attempt, requeue } = change;
  // In line once more, a run is as one that nobody had yet.
  const kept = requeue === undefined ? before : bare(before);
  const passed = [...kept.passed];
  const entered = requeue === undefined ? (change.passed ?? []) : [];
  for (const status of [...entered, ...(change.status ? [change.status] : [])]) {
    if (!passed.includes(status)) passed.push(status);
  }
  // A workflow that was ended meanwhile takes no run any more; this one ends all the same.
  const isWanted = change.resume !== undefined && (yield* isOpenWorkflow(change.resume.workflowId));
  const successor = change.resume && isWanted ? yield* insertRun(blobs, change.resume, "", id) : undefined;
  const waits = (change.status ?? before.status) === "machine_requested";
  const row = yield* one(
    `UPDATE runs SET status = ?, passed = ?, requested = ?, requested_by = ?, user_exit_code = ?, reason_code = ?,
       reason = ?, output_tree = ?, started_at_ms = ?, ended_at_ms = ?, attempt = ?, agent_id = ?, lease_token = ?,
       slots = ?, labels = ?, project_id = ?, archived_at_ms = ?, not_before_ms = ?,
       queued_at_ms = coalesce(?, queued_at_ms), resumed_as_run = coalesce(?, resumed_as_run), version = version + 1 WHERE id = ? RETURNING *`,
    change.status ?? before.status,
    JSON.stringify(passed),
    change.requested ?? before.requested ?? null,
    change.requestedBy ?? before.requestedBy ?? null,
    change.userExitCode ?? before.userExitCode ?? null,
    change.reasonCode ?? before.reasonCode,
    change.reason ?? before.reason,
    change.outputTree ?? kept.outputTree ?? null,
    (requeue === undefined ? change.startedAtMs : undefined) ?? kept.startedAtMs ?? null,
    change.endedAtMs ?? before.endedAtMs ?? null,
    attempt?.number ?? before.attempt,
    attempt?.agentId ?? kept.agentId ?? null,
    attempt?.leaseToken ?? kept.leaseToken ?? null,
    JSON.stringify(attempt?.slots ?? kept.slots),
    searchableJson(change.labels ?? before.labels),
    (change.projectId === undefined ? before.projectId : change.projectId) ?? null,
    change.archivedAtMs ?? before.archivedAtMs ?? null,
    (waits ? (requeue?.notBeforeMs ?? before.notBeforeMs) : undefined) ?? null,
    requeue?.atMs ?? null,
    successor?.id ?? null,
    id,
  );
  if (attempt !== undefined) yield* insertAttempt(id, attempt);
  yield* changeAttempt(id, before.attempt, change);
  yield* insertNotices({
    runId: id,
    place: before.attempt === 0 && !change.endedAtMs ? "before" : "after",
    notices: change.notices ?? [],
    attempt: requeue === undefined ? undefined : before.attempt,
  });
  return toRun(row);
}

/** What is left of a run that is tried again: nothing of the attempt that ended. */
function bare(run: RunRecord): RunRecord {
  const { agentId: _agent, leaseToken: _lease, startedAtMs: _started, outputTree: _outputs, ...rest } = run;
  return { ...rest, passed: [], slots: [] };
}

/** `from`: the number of the first one, where it is known. `attempt`: they follow its entries, and another comes after it. */
function* insertNotices(request: {
  runId: number;
  place: "before" | "after";
  notices: readonly LogEntry[];
  from?: number;
  attempt?: number;
}): Sql<void> {
  const { runId, place, notices, attempt = null } = request;
  if (notices.length === 0) return;
  const last = "SELECT count(*) AS n FROM notices WHERE run_id = ? AND place = ?";
  let number = request.from ?? ((yield* one(last, runId, place))["n"] as number);
  for (const notice of notices) {
    const sql = "INSERT INTO notices (run_id, place, number, entry, attempt) VALUES (?, ?, ?, ?, ?)";
    yield* run(sql, runId, place, number, JSON.stringify(notice), attempt);
    number += 1;
  }
}
