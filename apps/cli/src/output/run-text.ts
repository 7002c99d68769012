/** How a run is named and described. Pure. */
import { isFinal } from "@spell/domain";
import type { Attempt, RetryPolicy, Run } from "@spell/sdk";

/** Statuses with a word of their own for people. */
const STATUS_NAMES: Readonly<Record<string, string>> = { machine_requested: "Queued", user_requested: "Requested" };

/** `Complete (0)`, `Queued`, `Build Failed`. */
export function statusName(run: Pick<Run, "status"> & Partial<Pick<Run, "userExitCode">>): string {
  const name = STATUS_NAMES[run.status] ?? run.status.split("_").map(capital).join(" ");
  return run.userExitCode === undefined ? name : `${name} (${run.userExitCode})`;
}

/** Whether a machine is busy with it: neither waiting nor ended. */
export function isActive(run: Pick<Run, "status">): boolean {
  return STATUS_NAMES[run.status] === undefined && !isFinal(run.status);
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

/** The values of the run's parameters, as they were put into its command. */
export function paramsOf(run: Run): Record<string, string | number> {
  const params = Object.entries(run.record.spec?.params ?? {});
  return Object.fromEntries(params.map(([name, { value }]) => [name, value?.value ?? ""]));
}

/** A run for programs: names as on the wire, times in ISO 8601. */
export function runToJson(run: Run): Record<string, unknown> {
  const { spec, ...record } = run.record;
  return {
    id: run.id,
    status: run.status,
    user_exit_code: run.userExitCode ?? null,
    reason_code: run.reasonCode,
    reason: run.reason,
    command: run.command,
    machine_type: run.machineType,
    owner: run.owner,
    run_type: run.runType,
    created_at: run.createdAt.toISOString(),
    started_at: run.startedAt?.toISOString() ?? null,
    ended_at: run.endedAt?.toISOString() ?? null,
    description: spec?.description ?? "",
    labels: run.labels,
    code_root: spec?.codeRoot ?? "",
    cwd: spec?.cwd ?? "",
    git_commit: spec?.gitCommit ?? "",
    environment: spec?.environment ?? {},
    mounts: (spec?.mounts ?? []).map(({ resource, mountPoint }) => ({ resource, mount_point: mountPoint })),
    commit_label: spec?.commitLabel ?? "",
    workflow_id: spec?.workflowId || null,
    github_url: spec?.githubUrl ?? "",
    github_ref: spec?.githubRef ?? "",
    params: paramsOf(run),
    timeout_minutes: spec?.timeoutMinutes || null,
    stop_conditions: (spec?.stopConditions ?? []).map(({ all }) =>
      all.map(({ metric, operator, value, minIndex }) => ({ metric, operator, value, min_index: minIndex })),
    ),
    retry: spec?.retry === undefined ? null : retryToJson(spec.retry),
    auto_resume: spec?.autoResume ?? false,
    resumed_as_run: record.resumedAsRun || null,
    resumed_from_run: record.resumedFromRun || null,
    not_before: record.notBeforeMs === 0 ? null : new Date(record.notBeforeMs).toISOString(),
    attempts: record.attempts.map(attemptToJson),
    project_id: record.projectId || null,
    hyper_search_id: record.hyperSearchId || null,
    archived_at: record.archivedAtMs === 0 ? null : new Date(record.archivedAtMs).toISOString(),
    outputs_dropped_at: record.outputsDroppedAtMs === 0 ? null : new Date(record.outputsDroppedAtMs).toISOString(),
    attempt: record.attempt,
    agent: record.agent,
    output_tree: record.outputTree,
  };
}

function retryToJson({ limit, exitCodes, firstPauseMs, factor, maxPauseMs }: RetryPolicy): Record<string, unknown> {
  return { limit, exit_codes: exitCodes, first_pause_ms: firstPauseMs, factor, max_pause_ms: maxPauseMs };
}

function attemptToJson(attempt: Attempt): Record<string, unknown> {
  const time = (atMs: number): string | null => (atMs === 0 ? null : new Date(atMs).toISOString());
  return {
    number: attempt.number,
    agent: attempt.agent,
    assigned_at: time(attempt.assignedAtMs),
    started_at: time(attempt.startedAtMs),
    ended_at: time(attempt.endedAtMs),
    ...{ status: attempt.status || null, reason_code: attempt.reasonCode, reason: attempt.reason },
    exit_code: attempt.exitCode ?? null,
  };
}
