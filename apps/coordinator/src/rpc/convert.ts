/** Records as messages, and requests as the use cases take them. */
import type { Digest } from "@spell/domain";
import { invalidInput, isDigest } from "@spell/domain";
import type { Attempt, ParameterValue, Run, RunSpec, StopCondition, Workflow, WorkflowLabel } from "@spell/rpc";
import type { LabelRequest, RunRequest } from "@spell/run-lifecycle";
import { waitingReason } from "@spell/run-lifecycle";
import type { AttemptRecord, RunRecord, WorkflowRecord } from "@spell/run-store";
import type { Services } from "../services.ts";

/** Throws invalid-input for anything that is not a digest. */
export function toDigest(text: string): Digest {
  if (!isDigest(text)) throw invalidInput(`"${text.slice(0, 80)}" is not a digest (64 hex digits).`, "bad-digest");
  return text;
}

/** Throws invalid-input for what means nothing. */
export function toRunRequest(spec: RunSpec | undefined, idempotent = false): RunRequest {
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
    workspaceId: spec.workspaceId === 0 ? undefined : spec.workspaceId,
    labels: spec.labels,
    params: toParams(spec.params),
    timeoutMinutes: spec.timeoutMinutes === 0 ? undefined : spec.timeoutMinutes,
    stopConditions: spec.stopConditions.map(({ all }) => all.map(toStopCondition)),
    githubUrl: spec.githubUrl,
    githubRef: spec.githubRef,
    projectId: spec.projectId === 0 ? undefined : spec.projectId,
    retry: spec.retry,
    autoResume: spec.autoResume,
    hints: spec.hints,
    idempotent,
  };
}

function toParams(params: RunSpec["params"]): RunRequest["params"] {
  return Object.fromEntries(
    Object.entries(params).map(([name, { value }]) => {
      if (value === undefined) throw invalidInput(`The parameter "${name}" has no value.`, "no-value");
      return [name, value.value];
    }),
  );
}

function toStopCondition({ metric, operator, value, minIndex }: StopCondition): RunRequest["stopConditions"][0][0] {
  if (operator !== "<" && operator !== ">" && operator !== "<=" && operator !== ">=") {
    throw invalidInput(`"${operator}" compares nothing: a stop condition has one of < > <= >=.`, "bad-stop-condition");
  }
  return { metric, operator, value, minIndex };
}

function toSpecMessage(run: RunRecord): RunSpec {
  const { spec } = run;
  return {
    ...{ command: spec.command, machineType: spec.machineType, codeTree: spec.codeTree, codeRoot: spec.codeRoot },
    ...{ cwd: spec.cwd, environment: spec.environment, description: spec.description, commitLabel: spec.commitLabel },
    ...{ gitCommit: spec.gitCommit, githubUrl: spec.githubUrl, githubRef: spec.githubRef, labels: run.labels },
    workflowId: run.workflowId ?? 0,
    projectId: run.projectId ?? 0,
    workspaceId: spec.workspaceId ?? 0,
    mounts: spec.mounts.map(({ resource, path }) => ({ resource, mountPoint: path })),
    params: Object.fromEntries(Object.entries(spec.params).map(([name, value]) => [name, toParameterValue(value)])),
    timeoutMinutes: spec.timeoutMinutes ?? 0,
    stopConditions: spec.stopConditions.map((all) => ({ all })),
    retry: spec.retry && { ...spec.retry, exitCodes: [...spec.retry.exitCodes] },
    autoResume: spec.autoResume ?? false,
    hints: [],
  };
}

export function toParameterValue(value: string | number): ParameterValue {
  return { value: typeof value === "number" ? { $case: "number", value } : { $case: "text", value } };
}

/** A run as clients see it, with its attempts, and why it waits if it does. */
export async function toExplainedRun(services: Services, run: RunRecord): Promise<Run> {
  const message = await toRunMessage(services, run);
  const attempts = await services.store.listAttempts(run.id);
  message.attempts = await Promise.all(attempts.map((attempt) => toAttemptMessage(services, attempt)));
  if (run.status === "machine_requested") message.reason = await services.dispatcher.explain(run);
  return message;
}

/** A run as clients see it. */
export async function toRunMessage(services: Services, run: RunRecord): Promise<Run> {
  const agent = run.agentId === undefined ? undefined : await services.store.findAgent(run.agentId);
  return {
    id: run.id,
    spec: toSpecMessage(run),
    status: run.status,
    userExitCode: run.userExitCode,
    reasonCode: run.reasonCode,
    reason: waitingReason(run, services.now()) || services.lifecycle.explainSilence(run) || run.reason,
    owner: run.owner,
    createdAtMs: run.createdAtMs,
    startedAtMs: run.startedAtMs ?? 0,
    endedAtMs: run.endedAtMs ?? 0,
    outputTree: run.outputTree ?? "",
    runType: run.runType,
    attempt: run.attempt,
    agent: agent?.name ?? "",
    projectId: run.projectId ?? 0,
    hyperSearchId: run.hyperSearchId ?? 0,
    archivedAtMs: run.archivedAtMs ?? 0,
    outputsDroppedAtMs: run.outputsDroppedAtMs ?? 0,
    attempts: [],
    notBeforeMs: run.notBeforeMs ?? 0,
    resumedAsRun: run.resumedAsRun ?? 0,
    resumedFromRun: run.resumedFromRun ?? 0,
  };
}

async function toAttemptMessage(services: Services, attempt: AttemptRecord): Promise<Attempt> {
  const { number, agentId, assignedAtMs, startedAtMs = 0, end } = attempt;
  const agent = (await services.store.findAgent(agentId))?.name ?? agentId;
  return {
    ...{ number, agent, assignedAtMs, startedAtMs, endedAtMs: end?.atMs ?? 0, exitCode: end?.exitCode },
    ...{ status: end?.status ?? "", reasonCode: end?.reasonCode ?? "", reason: end?.reason ?? "" },
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
    labels: workflow.labels.map(toLabelMessage),
    runIds: runs.map((run) => run.id).sort((a, b) => a - b),
  };
}

function toLabelMessage({ label, path, code }: WorkflowRecord["labels"][0]): WorkflowLabel {
  return {
    ...{ label, path, codeTree: code?.tree ?? "", codeRoot: code?.root ?? "", gitCommit: code?.commit ?? "" },
    ...{ githubUrl: code?.githubUrl ?? "", githubRef: code?.githubRef ?? "" },
  };
}

/** A label as somebody asks for it. Throws invalid-input unless it names one thing. */
export function toLabelRequest(message: WorkflowLabel): LabelRequest {
  const { label, path, codeTree, codeRoot, gitCommit, githubUrl, githubRef } = message;
  const named = [path, codeTree, githubUrl].filter((each) => each !== "");
  if (named.length !== 1) throw invalidInput(`Label "${label}" has to name one directory, tree or URL.`, "bad-label");
  if (githubUrl !== "") return { label, githubUrl, githubRef };
  return codeTree === "" ? { label, path } : { label, codeTree: toDigest(codeTree), codeRoot, commit: gitCommit };
}
