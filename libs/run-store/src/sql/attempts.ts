/** The attempts of runs in SQL: each stays, however often its run is tried again. */
import type { AttemptEnd, AttemptRecord, RunChange } from "../records.ts";
import { toAttempt } from "./rows.ts";
import type { Sql } from "./statement.ts";
import { all, find, run } from "./statement.ts";

export function* selectAttempts(runId: number): Sql<AttemptRecord[]> {
  return (yield* all("SELECT * FROM attempts WHERE run_id = ? ORDER BY number", runId)).map(toAttempt);
}

/** Nothing more is taken in of one that is over. */
export function* hasEnded(runId: number, attempt: number): Sql<boolean> {
  const sql = "SELECT 1 AS ended FROM attempts WHERE run_id = ? AND number = ? AND ended_at_ms IS NOT NULL";
  return (yield* find(sql, runId, attempt)) !== undefined;
}

export function* insertAttempt(runId: number, attempt: NonNullable<RunChange["attempt"]>): Sql<void> {
  const { number, agentId, leaseToken, atMs } = attempt;
  yield* run(
    "INSERT INTO attempts (run_id, number, agent_id, lease_token, started_at_ms) VALUES (?, ?, ?, ?, ?)",
    ...[runId, number, agentId, leaseToken, atMs],
  );
}

/** What a change of the run says of its attempt in force. */
export function* changeAttempt(runId: number, attempt: number, { startedAtMs, attemptEnd }: RunChange): Sql<void> {
  if (startedAtMs !== undefined) {
    const sql = "UPDATE attempts SET running_at_ms = ? WHERE run_id = ? AND number = ?";
    yield* run(sql, startedAtMs, runId, attempt);
  }
  if (attemptEnd !== undefined) yield* endAttempt(runId, attempt, attemptEnd);
}

function* endAttempt(runId: number, attempt: number, end: AttemptEnd): Sql<void> {
  const { atMs, logEntries = null, status = null, reasonCode = null, reason = null, exitCode = null } = end;
  yield* run(
    `UPDATE attempts SET ended_at_ms = ?, log_entries = ?, status = ?, reason_code = ?, reason = ?, exit_code = ?
     WHERE run_id = ? AND number = ?`,
    ...[atMs, logEntries, status, reasonCode, reason, exitCode, runId, attempt],
  );
}
