/** Runs and users in the JSON that the historical clients parse. */
import type { LogEntry, RetryPolicy } from "@spell/domain";
import { waitingReason } from "@spell/run-lifecycle";
import type { ProjectRecord, RunRecord, UserRecord } from "@spell/run-store";

/** UTC with microseconds, the only form that every client parses. */
export function wireTime(atMs: number): string {
  const micros = Math.round(atMs * 1_000);
  const fraction = String(micros % 1_000_000).padStart(6, "0");
  return `${new Date(Math.floor(micros / 1_000)).toISOString().slice(0, -4)}${fraction}Z`;
}

export function wireUser(user: UserRecord): Record<string, unknown> {
  const at = wireTime(user.createdAtMs);
  return {
    user_name: user.name,
    email: user.email,
    full_name: user.fullName ?? user.name,
    created_at: at,
    updated_at: at,
    last_logged_in: user.lastLoginAtMs === undefined ? null : wireTime(user.lastLoginAtMs),
  };
}

export function wireProject(project: ProjectRecord, creator: UserRecord): Record<string, unknown> {
  return {
    id: project.id,
    name: project.name,
    description: project.description,
    creator: wireUser(creator),
    created_at: wireTime(project.createdAtMs),
    updated_at: wireTime(project.updatedAtMs),
    archived_at: project.archivedAtMs === undefined ? null : wireTime(project.archivedAtMs),
    total_run_count: project.totalRunCount,
    active_run_count: project.activeRunCount,
    total_runtime_seconds: Math.round(project.totalRuntimeMs / 1000),
  };
}

/** As a request asks for it. */
export function wireRetry({
  limit,
  exitCodes,
  firstPauseMs,
  factor,
  maxPauseMs,
}: RetryPolicy): Record<string, unknown> {
  return {
    ...{ limit, exit_codes: exitCodes, backoff_seconds: firstPauseMs / 1_000 },
    ...{ backoff_factor: factor, max_backoff_seconds: maxPauseMs / 1_000 },
  };
}

/** `attached_resources` of an answer is `{resource: path}`, unlike that of a request. */
export function wireRun(run: RunRecord, creator: UserRecord, nowMs: number): Record<string, unknown> {
  const { spec } = run;
  return {
    id: run.id,
    status: run.status,
    reason_code: run.reasonCode,
    reason: waitingReason(run, nowMs) || run.reason,
    user_exit_code: run.userExitCode ?? null,
    command: spec.command,
    gpu: spec.machineType,
    git_commit_hash: spec.gitCommit,
    description: spec.description,
    docker_image: null,
    creator: wireUser(creator),
    labels: run.labels.map((name) => ({ name, background_color_hex: 0 })),
    environment_vars: withoutTypedNames(spec.environment),
    hyper_params: withoutListNames(spec.params),
    attached_resources: Object.fromEntries(spec.mounts.map((mount) => [mount.resource, mount.path])),
    created_at: wireTime(run.createdAtMs),
    started_at: run.startedAtMs === undefined ? null : wireTime(run.startedAtMs),
    ended_at: run.endedAtMs === undefined ? null : wireTime(run.endedAtMs),
    workflow_id: run.workflowId ?? null,
    github_url: spec.githubUrl || null,
    timeout_minutes: spec.timeoutMinutes ?? null,
    retry: spec.retry === undefined ? null : wireRetry(spec.retry),
    attempt: run.attempt,
    resumed_as_run: run.resumedAsRun ?? null,
    resumed_from_run: run.resumedFromRun ?? null,
    not_before: run.notBeforeMs === undefined ? null : wireTime(run.notBeforeMs),
    archived_at: run.archivedAtMs === undefined ? null : wireTime(run.archivedAtMs),
    pip_packages: [],
    apt_packages: [],
  };
}

export function wireLogEntry(entry: LogEntry): Record<string, unknown> {
  return {
    log: entry.text,
    status: entry.status,
    status_event: entry.statusEvent,
    level: entry.level || null,
    important: null,
    "@timestamp": wireTime(entry.atMs),
  };
}

/** One line of a stream: ASCII only, because clients also split at U+0085, U+2028 and U+2029. */
export function wireLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

/** The historical decoder takes what has one of these names for a list of records, whatever it is. */
const LIST_NAMES =
  `runs keys workspaces spell_projects models model_versions hyper_searches access_tokens memberships members
  gpu_stats ls org_buckets model_servers model_server_pods`.split(/\s+/);

/** The historical decoder casts values under these names, at any depth: as variable names they would break every listing. */
const TYPED_NAMES = new Set(
  `creator user owner key run managing_run workspace workflow spell_project project model model_version hyper_search user_dataset
   log_entry cpu_stats organization environment billing_status model_server template ${LIST_NAMES.join(" ")}`.split(
    /\s+/,
  ),
);

export function withoutTypedNames<T>(variables: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !TYPED_NAMES.has(name)));
}

/** Texts and numbers under the names of single records (`model`, `key`, …) pass unharmed. */
function withoutListNames(values: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !LIST_NAMES.includes(name)));
}
