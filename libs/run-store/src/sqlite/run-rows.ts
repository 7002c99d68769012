/** The statements that make and change runs. All of them run inside a write of the group. */
import type { LogEntry } from "@spell/domain";
import type { NewRun, RunChange, RunRecord } from "../records.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Statements } from "./statements.ts";
import { toRun } from "./rows.ts";

/** What these statements work on. */
export interface RunTables {
  db: Statements;
  blobs: BlobTable;
}

/** Inserts a queued run with its first notices. Throws when what it is made of is not there any more. */
export function insertRun({ db, blobs }: RunTables, run: NewRun, clientKey: string): RunRecord {
  blobs.requireRun(run.spec);
  const { id } = db.one(
    `INSERT INTO runs (owner, run_type, workflow_id, client_key, spec, status, passed, created_at_ms, labels, project_id,
       hyper_search_id, request_hash)
     VALUES (?, ?, ?, ?, ?, 'machine_requested', '["machine_requested"]', ?, ?, ?, ?, ?) RETURNING id`,
    run.owner,
    run.runType,
    run.workflowId ?? null,
    clientKey === "" ? null : clientKey,
    JSON.stringify(run.spec),
    run.createdAtMs,
    JSON.stringify(run.labels),
    run.projectId ?? null,
    run.hyperSearchId ?? null,
    run.requestHash,
  ) as { id: number };
  insertNotices(db, { runId: id, place: "before", notices: run.notices });
  return selectRun(db, id) as RunRecord;
}

export function selectRun(db: Statements, id: number): RunRecord | undefined {
  const row = db.find("SELECT * FROM runs WHERE id = ?", id);
  return row && toRun(row);
}

/** Applies a change under the guard of the version; undefined when somebody was faster. */
export function changeRun(
  { db, blobs }: RunTables,
  request: { id: number; version: number; change: RunChange },
): RunRecord | undefined {
  const { id, version, change } = request;
  const run = selectRun(db, id);
  if (run?.version !== version) return undefined;
  if (change.outputTree !== undefined) blobs.note(change.outputTree);
  const passed = [...run.passed];
  for (const status of [...(change.passed ?? []), ...(change.status ? [change.status] : [])]) {
    if (!passed.includes(status)) passed.push(status);
  }
  const { attempt } = change;
  db.run(
    `UPDATE runs SET status = ?, passed = ?, requested = ?, requested_by = ?, user_exit_code = ?, reason_code = ?,
       reason = ?, output_tree = ?, started_at_ms = ?, ended_at_ms = ?, attempt = ?, agent_id = ?, lease_token = ?,
       slots = ?, labels = ?, project_id = ?, archived_at_ms = ?, version = version + 1 WHERE id = ?`,
    change.status ?? run.status,
    JSON.stringify(passed),
    change.requested ?? run.requested ?? null,
    change.requestedBy ?? run.requestedBy ?? null,
    change.userExitCode ?? run.userExitCode ?? null,
    change.reasonCode ?? run.reasonCode,
    change.reason ?? run.reason,
    change.outputTree ?? run.outputTree ?? null,
    change.startedAtMs ?? run.startedAtMs ?? null,
    change.endedAtMs ?? run.endedAtMs ?? null,
    attempt?.number ?? run.attempt,
    attempt?.agentId ?? run.agentId ?? null,
    attempt?.leaseToken ?? run.leaseToken ?? null,
    JSON.stringify(attempt?.slots ?? run.slots),
    JSON.stringify(change.labels ?? run.labels),
    (change.projectId === undefined ? run.projectId : change.projectId) ?? null,
    change.archivedAtMs ?? run.archivedAtMs ?? null,
    id,
  );
  if (attempt !== undefined) {
    db.run(
      "INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms) VALUES (?, ?, ?, ?, ?)",
      id,
      attempt.number,
      attempt.agentId,
      attempt.leaseToken,
      attempt.atMs,
    );
  }
  if (change.attemptEnd !== undefined) {
    db.run(
      "UPDATE attempts SET ended_at_ms = ?, log_entries = ? WHERE run_id = ? AND number = ?",
      change.attemptEnd.atMs,
      change.attemptEnd.logEntries ?? null,
      id,
      run.attempt,
    );
  }
  insertNotices(db, {
    runId: id,
    place: run.attempt === 0 && !change.endedAtMs ? "before" : "after",
    notices: change.notices ?? [],
  });
  return selectRun(db, id);
}

function insertNotices(
  db: Statements,
  request: { runId: number; place: "before" | "after"; notices: readonly LogEntry[] },
): void {
  const { runId, place, notices } = request;
  if (notices.length === 0) return;
  const row = db.one("SELECT COUNT(*) AS n FROM notices WHERE run_id = ? AND place = ?", runId, place);
  let number = row["n"] as number;
  for (const notice of notices) {
    db.run("INSERT INTO notices VALUES (?, ?, ?, ?)", runId, place, number, JSON.stringify(notice));
    number += 1;
  }
}
