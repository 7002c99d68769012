/** Rows of the tables as records, and back. */
import type { LogEntry, RunStatus } from "@spell/domain";
import type {
  AgentRecord,
  AttemptEnd,
  AttemptRecord,
  BlobLocation,
  RunRecord,
  RunSpec,
  UserRecord,
  WorkflowRecord,
} from "../records.ts";
import type { Row } from "./statement.ts";

function optional<T>(value: unknown): T | undefined {
  return value === null || value === undefined ? undefined : (value as T);
}

export function toRun(row: Row): RunRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    runType: row["run_type"] as RunRecord["runType"],
    workflowId: optional<number>(row["workflow_id"]),
    spec: toSpec(row["spec"] as string),
    labels: JSON.parse(row["labels"] as string) as string[],
    projectId: optional<number>(row["project_id"]),
    hyperSearchId: optional<number>(row["hyper_search_id"]),
    resumedAsRun: optional<number>(row["resumed_as_run"]),
    resumedFromRun: optional<number>(row["resumed_from_run"]),
    archivedAtMs: optional<number>(row["archived_at_ms"]),
    status: row["status"] as RunStatus,
    passed: JSON.parse(row["passed"] as string) as RunStatus[],
    requested: optional<"stop" | "kill">(row["requested"]),
    requestedBy: optional<string>(row["requested_by"]),
    userExitCode: optional<number>(row["user_exit_code"]),
    reasonCode: row["reason_code"] as string,
    reason: row["reason"] as string,
    outputTree: optional<RunRecord["outputTree"]>(row["output_tree"]),
    outputsDroppedAtMs: optional<number>(row["outputs_dropped_at_ms"]),
    createdAtMs: row["created_at_ms"] as number,
    startedAtMs: optional<number>(row["started_at_ms"]),
    endedAtMs: optional<number>(row["ended_at_ms"]),
    notBeforeMs: optional<number>(row["not_before_ms"]),
    attempt: row["attempt"] as number,
    agentId: optional<string>(row["agent_id"]),
    leaseToken: optional<string>(row["lease_token"]),
    slots: JSON.parse(row["slots"] as string) as number[],
    version: row["version"] as number,
  };
}

/** Specs written before a field was there lack it. */
function toSpec(json: string): RunSpec {
  const spec = JSON.parse(json) as RunSpec;
  return {
    ...spec,
    params: spec.params ?? {},
    stopConditions: spec.stopConditions ?? [],
    githubUrl: spec.githubUrl ?? "",
    githubRef: spec.githubRef ?? "",
  };
}

export function toWorkflow(row: Row): WorkflowRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    managingRunId: row["managing_run_id"] === 0 ? undefined : (row["managing_run_id"] as number),
    labels: JSON.parse(row["labels"] as string) as WorkflowRecord["labels"],
    createdAtMs: row["created_at_ms"] as number,
    requested: optional<"stop" | "kill">(row["requested"]),
    requestedBy: optional<string>(row["requested_by"]),
    archivedAtMs: optional<number>(row["archived_at_ms"]),
  };
}

export function toUser(row: Row): UserRecord {
  return {
    name: row["name"] as string,
    email: row["email"] as string,
    createdAtMs: row["created_at_ms"] as number,
    fullName: (row["full_name"] as string) || undefined,
    operator: row["operator"] === 1 || undefined,
    lastLoginAtMs: optional<number>(row["last_login_at_ms"]),
  };
}

export function toAgent(row: Row): AgentRecord {
  return {
    id: row["id"] as string,
    name: row["name"] as string,
    machineTypes: JSON.parse(row["machine_types"] as string) as AgentRecord["machineTypes"],
    createdAtMs: row["created_at_ms"] as number,
    lastSeenAtMs: row["last_seen_at_ms"] as number,
    placement: row["placement"] as AgentRecord["placement"],
  };
}

export function toBlob(row: Row): BlobLocation {
  return {
    digest: row["digest"] as BlobLocation["digest"],
    objectKey: row["object_key"] as string,
    offset: row["offset"] as number,
    sizeBytes: row["size_bytes"] as number,
    claimedBy: optional(row["claimed_by"]),
  };
}

export function toAttempt(row: Row): AttemptRecord {
  const endedAtMs = optional<number>(row["ended_at_ms"]);
  return {
    number: row["number"] as number,
    agentId: row["agent_id"] as string,
    assignedAtMs: row["started_at_ms"] as number,
    startedAtMs: optional<number>(row["running_at_ms"]),
    end: endedAtMs === undefined ? undefined : toAttemptEnd(row, endedAtMs),
  };
}

function toAttemptEnd(row: Row, atMs: number): AttemptEnd {
  return {
    atMs,
    status: optional<AttemptEnd["status"]>(row["status"]),
    reasonCode: optional<string>(row["reason_code"]),
    reason: optional<string>(row["reason"]),
    exitCode: optional<number>(row["exit_code"]),
    logEntries: optional<number>(row["log_entries"]),
  };
}

export function toEntry(row: Row): LogEntry {
  return JSON.parse(row["entry"] as string) as LogEntry;
}
