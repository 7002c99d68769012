/** What a user asks for, and its form on the wire. */
import type { RetryRequest } from "@spell/domain";
import type { ParameterValue, RunSpec } from "@spell/rpc";

/** Code laid at `/spell`, from `client.trees` (see uploadTree in @spell/spellfs). */
export interface Code {
  /** Digest of the tree. */
  tree: string;
  /** Folder of the tree that is the code's root. */
  root: string;
  /** Commit it came from, for people. */
  gitCommit?: string;
  /** Of the repository it came from, from `client.workspaces`. */
  workspaceId?: number;
}

export interface MountRequest {
  /** `runs/<id>[/path]`. */
  resource: string;
  /** Absolute, or relative to the code's root. Default: the base name of the resource. */
  mountPoint?: string;
}

/** What the master run of a workflow and any other run have in common. */
export interface CommandRequest {
  /** A shell line. */
  command: string;
  environment?: Readonly<Record<string, string>>;
  description?: string;
  code?: Code;
  /** Relative to the code's root, or to `/spell` without code. */
  cwd?: string;
  /** Code from any git URL, at `githubRef` (default: the default branch), instead of `code`. */
  githubUrl?: string;
  githubRef?: string;
  /** Old options without meaning here, as they were written: each becomes a warning in the log. */
  hints?: readonly string[];
  /** Unique per intended run; a fresh UUID by default. Asking again with the same key answers the first run. */
  clientKey?: string;
}

export interface RunRequest extends CommandRequest {
  /** Default CPU. Case is ignored. */
  machineType?: string;
  /** Resources by mount point, as `{ "runs/7/save": "save" }`, or a list. */
  mounts?: Readonly<Record<string, string>> | readonly MountRequest[];
  /** In a workflow: take the code from the directory that the workflow knows by this label, as it is now. */
  commitLabel?: string;
  /** Default: the workflow this process runs in, if any. */
  workflowId?: number;
  labels?: readonly string[];
  /** Values for the places that the command names `:NAME:`. */
  params?: Readonly<Record<string, string | number>>;
  /** Whole minutes after which the run is stopped. */
  timeoutMinutes?: number;
  /** The run is stopped when all conditions of one of these lists hold. */
  stopConditions?: readonly (readonly StopCondition[])[];
  /** Tries the run again when something else than its command ended an attempt, or it exited with one of the codes. */
  retry?: RetryRequest;
  /** A new run goes on with its files when its machine is taken away. */
  autoResume?: boolean;
  projectId?: number;
  /** Answer a run that asked for the same and is under way or did well, instead of making one. */
  idempotent?: boolean;
}

export interface StopCondition {
  metric: string;
  operator: "<" | ">" | "<=" | ">=";
  value: number;
  /** Only values whose index is at least this count. Default 0. */
  minIndex?: number;
}

/** Creating what the coordinator has to fetch first takes as long as that, milliseconds. */
export const FETCH_DEADLINE_MS = 15 * 60_000;

/** The request on the wire. Pure. */
export function toRunSpec(request: RunRequest, workflowId: number | undefined): RunSpec {
  return {
    command: request.command,
    machineType: request.machineType ?? "",
    codeTree: request.code?.tree ?? "",
    codeRoot: request.code?.root ?? "",
    cwd: request.cwd ?? "",
    environment: { ...request.environment },
    mounts: mountList(request.mounts ?? []).map(({ resource, mountPoint }) => ({
      resource,
      mountPoint: mountPoint ?? "",
    })),
    description: request.description ?? "",
    commitLabel: request.commitLabel ?? "",
    workflowId: request.workflowId ?? workflowId ?? 0,
    gitCommit: request.code?.gitCommit ?? "",
    labels: [...(request.labels ?? [])],
    params: Object.fromEntries(Object.entries(request.params ?? {}).map(([name, value]) => [name, toValue(value)])),
    timeoutMinutes: request.timeoutMinutes ?? 0,
    stopConditions: (request.stopConditions ?? []).map((all) => ({
      all: all.map(({ minIndex = 0, ...condition }) => ({ ...condition, minIndex })),
    })),
    retry: request.retry && { ...request.retry, exitCodes: [...(request.retry.exitCodes ?? [])] },
    autoResume: request.autoResume ?? false,
    githubUrl: request.githubUrl ?? "",
    githubRef: request.githubRef ?? "",
    projectId: request.projectId ?? 0,
    workspaceId: request.code?.workspaceId ?? 0,
    hints: [...(request.hints ?? [])],
  };
}

export function toValue(value: string | number): ParameterValue {
  return { value: typeof value === "number" ? { $case: "number", value } : { $case: "text", value } };
}

function mountList(mounts: NonNullable<RunRequest["mounts"]>): readonly MountRequest[] {
  if (isList(mounts)) return mounts;
  return Object.entries(mounts).map(([resource, mountPoint]) => ({ resource, mountPoint }));
}

function isList(mounts: NonNullable<RunRequest["mounts"]>): mounts is readonly MountRequest[] {
  return Array.isArray(mounts);
}
