/**
 * What always holds of the record, as queries for what breaks it: each gives a `subject`, as a person would name it. The same
 * text for all databases.
 */

export interface RecordRule {
  /** Stable name. */
  rule: string;
  sentence: string;
  sql: string;
}

const FINALS = "('complete', 'failed', 'stopped', 'killed', 'interrupted', 'build_failed', 'mount_failed')";

/** Rows of a table that belong to a run that is not there. */
function ofNoRun(table: string): string {
  return `SELECT DISTINCT 'run ' || run_id AS subject FROM ${table} WHERE run_id NOT IN (SELECT id FROM runs)`;
}

export const RECORD_RULES: readonly RecordRule[] = [
  {
    rule: "ended-runs-are-final",
    sentence: "A run has an end exactly when its status is final.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE (ended_at_ms IS NOT NULL) <> (status IN ${FINALS})`,
  },
  {
    rule: "ended-runs-have-reasons",
    sentence: "A run that has ended says why: a code and a sentence.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE status IN ${FINALS} AND (reason_code = '' OR reason = '')`,
  },
  {
    rule: "statuses-are-passed",
    sentence: "A run has passed the status that it is in.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE passed NOT LIKE '%"' || status || '"%'`,
  },
  {
    rule: "complete-runs-exited-with-0",
    sentence: "A run that is complete because its command exited with 0 has that exit code.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE status = 'complete' AND reason_code = 'exit-code' AND user_exit_code IS NULL`,
  },
  {
    rule: "killed-runs-have-no-outputs",
    sentence: "A run that was killed has no outputs.",
    sql: "SELECT 'run ' || id AS subject FROM runs WHERE status = 'killed' AND output_tree IS NOT NULL",
  },
  {
    rule: "outputs-are-recorded",
    sentence: "Where the outputs of a run begin is recorded.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE output_tree IS NOT NULL AND output_tree NOT IN (SELECT digest FROM blobs)`,
  },
  {
    rule: "waiting-runs-hold-no-machine",
    sentence: "A run that waits for a machine has no attempt under way.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE status = 'machine_requested'
      AND EXISTS (SELECT 1 FROM attempts WHERE run_id = id AND attempts.ended_at_ms IS NULL)`,
  },
  {
    rule: "placed-runs-have-attempts",
    sentence:
      "A run that is on a machine has an attempt under way: its newest, by the agent and under the lease that the run names.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE ended_at_ms IS NULL AND status <> 'machine_requested'
      AND NOT EXISTS (SELECT 1 FROM attempts WHERE run_id = runs.id AND number = runs.attempt
        AND attempts.agent_id = runs.agent_id AND attempts.lease_token = runs.lease_token AND attempts.ended_at_ms IS NULL)`,
  },
  {
    rule: "one-attempt-at-a-time",
    sentence: "Only the newest attempt of a run may be under way, and none of a run that has ended.",
    sql: `SELECT 'attempt ' || number || ' of run ' || run_id AS subject FROM attempts JOIN runs ON runs.id = run_id
      WHERE attempts.ended_at_ms IS NULL AND (runs.ended_at_ms IS NOT NULL OR number <> runs.attempt)`,
  },
  {
    rule: "attempts-are-numbered",
    sentence: "A run's attempts are numbered from 1 without a gap.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE attempt <> (SELECT COUNT(*) FROM attempts WHERE run_id = runs.id AND number BETWEEN 1 AND runs.attempt)`,
  },
  {
    rule: "held-by-known-agents",
    sentence: "A run on a machine is held by an agent that is known.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE ended_at_ms IS NULL AND agent_id IS NOT NULL AND agent_id NOT IN (SELECT id FROM agents)`,
  },
  {
    rule: "logs-have-no-gaps",
    sentence: "The segments of a log that has ended follow each other: every entry once.",
    sql: `SELECT 'attempt ' || attempt || ' of run ' || run_id AS subject FROM (
        SELECT run_id, attempt, first_number,
          LAG(first_number + entries, 1, 0) OVER (PARTITION BY run_id, attempt ORDER BY first_number) AS expected
        FROM log_segments) AS segments
      WHERE first_number <> expected AND EXISTS (SELECT 1 FROM attempts
        WHERE attempts.run_id = segments.run_id AND number = attempt AND log_entries IS NOT NULL)
      GROUP BY run_id, attempt`,
  },
  {
    rule: "logs-are-whole",
    sentence: "All entries that an attempt ended with are archived.",
    sql: `SELECT 'attempt ' || number || ' of run ' || run_id AS subject FROM attempts
      WHERE log_entries IS NOT NULL AND log_entries <> (
        SELECT coalesce(SUM(entries), 0) FROM log_segments
        WHERE log_segments.run_id = attempts.run_id AND log_segments.attempt = attempts.number)`,
  },
  {
    rule: "workflows-have-masters",
    sentence: "A workflow's master is a run of that workflow.",
    sql: `SELECT 'workflow ' || id AS subject FROM workflows WHERE managing_run_id <> 0 AND NOT EXISTS (
        SELECT 1 FROM runs WHERE runs.id = managing_run_id AND run_type = 'workflow' AND workflow_id = workflows.id)`,
  },
  {
    rule: "workers-have-workflows",
    sentence: "The workflow of a run is there.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE workflow_id IS NOT NULL AND workflow_id NOT IN (SELECT id FROM workflows)`,
  },
  {
    rule: "runs-have-searches",
    sentence: "The search that made a run is there.",
    sql: `SELECT 'run ' || id AS subject FROM runs
      WHERE hyper_search_id IS NOT NULL AND hyper_search_id NOT IN (SELECT id FROM hyper_searches)`,
  },
  {
    rule: "owners-are-users",
    sentence: "The owner of a run is a user.",
    sql: `SELECT 'run ' || id AS subject FROM runs WHERE owner NOT IN (SELECT name FROM users)`,
  },
  {
    rule: "tokens-stand-for-somebody",
    sentence: "A token stands for a user or an agent that is there.",
    sql: `SELECT 'a token of ' || kind || ' ' || subject AS subject FROM tokens
      WHERE (kind = 'user' AND subject NOT IN (SELECT name FROM users))
        OR (kind = 'agent' AND subject NOT IN (SELECT id FROM agents))`,
  },
  { rule: "attempts-have-runs", sentence: "The run of an attempt is there.", sql: ofNoRun("attempts") },
  { rule: "notices-have-runs", sentence: "The run of a notice is there.", sql: ofNoRun("notices") },
  { rule: "segments-have-runs", sentence: "The run of a log segment is there.", sql: ofNoRun("log_segments") },
  { rule: "metrics-have-runs", sentence: "The run of a metric is there.", sql: ofNoRun("metrics") },
  {
    rule: "chunks-have-metrics",
    sentence: "The metric of a point is there.",
    sql: `SELECT DISTINCT 'metric ' || metric_id AS subject FROM metric_chunks
      WHERE metric_id NOT IN (SELECT id FROM metrics)`,
  },
  {
    rule: "no-blob-in-a-doomed-object",
    sentence: "No blob in use lies in an object that is being deleted.",
    sql: `SELECT 'blob ' || digest AS subject FROM blobs
      WHERE condemned_by IS NULL AND object_key IN (SELECT object_key FROM doomed_objects)`,
  },
  {
    rule: "versions-have-models",
    sentence: "The model of a version is there.",
    sql: `SELECT 'version ' || version || ' of model ' || model_id AS subject FROM model_versions
      WHERE model_id NOT IN (SELECT id FROM models)`,
  },
];
