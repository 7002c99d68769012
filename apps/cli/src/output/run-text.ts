/** How a run is named and described. Pure. */
import type { Run } from "@spell/sdk";

/** `Complete (0)`, `Queued`, `Build Failed`. */
export function statusName(run: Pick<Run, "status" | "userExitCode">): string {
  const name =
    run.status === "machine_requested"
      ? "Queued"
      : run.status
          .split("_")
          .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
          .join(" ");
  return run.userExitCode === undefined ? name : `${name} (${run.userExitCode})`;
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
    attempt: record.attempt,
    agent: record.agent,
    output_tree: record.outputTree,
  };
}
