/** Records as messages, and requests as the use cases take them. */
import type { Digest } from "@spell/domain";
import { invalidInput, isDigest } from "@spell/domain";
import type { Run, RunSpec, Workflow } from "@spell/rpc";
import type { RunRequest } from "@spell/run-lifecycle";
import type { RunRecord, WorkflowRecord } from "@spell/run-store";
import type { Services } from "../services.ts";

/** Throws invalid-input for anything that is not a digest. */
export function toDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidInput(`"${text.slice(0, 80)}" is not a digest (64 hex digits).`, "bad-digest");
  return text;
}

export function toRunRequest(spec: RunSpec | undefined): RunRequest {
  if (spec === undefined) throw invalidInput("The request has no spec.", "no-spec");
  return {
    command: spec.command,
    machineType: spec.machineType,
    codeTree: spec.codeTree === "" ? "" : toDigest(spec.codeTree),
    codeRoot: spec.codeRoot,
    cwd: spec.cwd,
    environment: { ...spec.environment },
    mounts: spec.mounts,
    description: spec.description,
    commitLabel: spec.commitLabel,
    workflowId: spec.workflowId === 0 ? undefined : spec.workflowId,
    gitCommit: spec.gitCommit,
    labels: spec.labels,
  };
}

/** A run as clients see it, with why it waits if it does. */
export async function toExplainedRun(services: Services, run: RunRecord): Promise<Run> {
  const message = await toRunMessage(services, run);
  if (run.status === "machine_requested") message.reason = await services.dispatcher.explain(run);
  return message;
}

/** A run as clients see it. */
export async function toRunMessage(services: Services, run: RunRecord): Promise<Run> {
  const agent = run.agentId === undefined ? undefined : await services.store.findAgent(run.agentId);
  return {
    id: run.id,
    spec: {
      ...run.spec,
      workflowId: run.workflowId ?? 0,
      mounts: run.spec.mounts.map(({ resource, path }) => ({ resource, mountPoint: path })),
    },
    status: run.status,
    userExitCode: run.userExitCode,
    reasonCode: run.reasonCode,
    reason: run.reason,
    owner: run.owner,
    createdAtMs: run.createdAtMs,
    startedAtMs: run.startedAtMs ?? 0,
    endedAtMs: run.endedAtMs ?? 0,
    outputTree: run.outputTree ?? "",
    runType: run.runType,
    attempt: run.attempt,
    agent: agent?.name ?? "",
  };
}

export async function toWorkflowMessage(
  services: Services,
  workflow: WorkflowRecord,
  runs: readonly RunRecord[],
): Promise<Workflow> {
  const master = runs.find((run) => run.id === workflow.managingRunId);
  return {
    id: workflow.id,
    managingRun: master && (await toRunMessage(services, master)),
    labels: workflow.labels,
    runIds: runs.map((run) => run.id).sort((a, b) => a - b),
  };
}
