/** What the record holds, as plain values. The same names in SQL, here and in the proto. */
import type { Digest, FinalStatus, LogEntry, MachineTypeSlots, RetryPolicy, RunStatus } from "@spell/domain";

/** A mount whose resource was found when the run was created. */
export interface ResolvedMount {
  /** As the user wrote it. */
  resource: string;
  /** As the user wrote it; empty when omitted. */
  mountPoint: string;
  /** Absolute path inside the run. */
  path: string;
  isFile: boolean;
  digest: Digest;
  sizeBytes: number;
  executable: boolean;
}

/** A run is stopped when all conditions of one of its lists hold. */
export interface StopCondition {
  metric: string;
  operator: "<" | ">" | "<=" | ">=";
  value: number;
  /** Only values whose index is at least this count. */
  minIndex: number;
}

/** What the user asked for, checked and resolved. */
export interface RunSpec {
  command: string;
  machineType: string;
  /** Empty: no code. */
  codeTree: Digest | "";
  codeRoot: string;
  cwd: string;
  environment: Record<string, string>;
  mounts: ResolvedMount[];
  description: string;
  commitLabel: string;
  gitCommit: string;
  /** Values that took the places of `:NAME:` in the command. */
  params: Record<string, string | number>;
  /** The run is stopped so many minutes after its command began. */
  timeoutMinutes?: number;
  /** Any list, all of its conditions. */
  stopConditions: StopCondition[][];
  /** Absent: it is tried once. */
  retry?: RetryPolicy;
  /** When its machine is taken away, a new run goes on with its files. */
  autoResume?: boolean;
  /** Empty: the code came from elsewhere. */
  githubUrl: string;
  githubRef: string;
  /** The repository that the code was pushed from. */
  workspaceId?: number;
}

/** `workflow`: the master run of a workflow. */
export type RunType = "user" | "workflow";

export interface RunRecord {
  id: number;
  owner: string;
  runType: RunType;
  workflowId?: number;
  spec: RunSpec;
  /** In the order they were put on. */
  labels: string[];
  projectId?: number;
  /** The search that made it. */
  hyperSearchId?: number;
  /** The run that goes on for this one, whose machine was taken away. */
  resumedAsRun?: number;
  /** The run that this one goes on for. */
  resumedFromRun?: number;
  /** Hidden from lists, and nothing can mount its outputs. */
  archivedAtMs?: number;
  status: RunStatus;
  /** Every status it has been in since it last was put in line, in order, each once. */
  passed: RunStatus[];
  requested?: "stop" | "kill";
  requestedBy?: string;
  userExitCode?: number;
  /** Empty until it has ended, or a rule of its own stops it. */
  reasonCode: string;
  /** While it waits to be tried again: how the attempt before ended. */
  reason: string;
  outputTree?: Digest;
  /** Its outputs were given up by a rule of retention. */
  outputsDroppedAtMs?: number;
  createdAtMs: number;
  /** When the command of the last attempt began. */
  startedAtMs?: number;
  endedAtMs?: number;
  /** While it waits to be tried again: not before this time. */
  notBeforeMs?: number;
  /** The last attempt, from 1; 0 before the first. In force unless the run waits or has ended. */
  attempt: number;
  /** The agent of that attempt; undefined while the run waits. */
  agentId?: string;
  /** Fencing token of that attempt's lease. */
  leaseToken?: string;
  /** Slot numbers of the machine type that the attempt occupies on its agent. */
  slots: number[];
  /** Grows with every change; writes are guarded by it. */
  version: number;
}

/** Fields a new run starts with. */
export interface NewRun {
  owner: string;
  runType: RunType;
  workflowId?: number;
  spec: RunSpec;
  labels: string[];
  projectId?: number;
  hyperSearchId?: number;
  /** The same for requests that ask for the same. */
  requestHash: string;
  createdAtMs: number;
  /** First notices of its log. */
  notices: LogEntry[];
}

/** What one guarded write changes; absent fields stay. */
export interface RunChange {
  status?: RunStatus;
  requested?: "stop" | "kill";
  requestedBy?: string;
  userExitCode?: number;
  reasonCode?: string;
  reason?: string;
  outputTree?: Digest;
  startedAtMs?: number;
  endedAtMs?: number;
  /** Statuses passed through on the way to `status` within this write, in order. */
  passed?: RunStatus[];
  /** Begins an attempt. */
  attempt?: { number: number; agentId: string; leaseToken: string; slots: number[]; atMs: number };
  /** Ends the attempt in force. */
  attemptEnd?: AttemptEnd;
  /**
   * With `attemptEnd`: the run is in line once more, not before that time, and nothing is left of that attempt but what the list of
   * attempts and the log tell. Of the metrics, what was sent stays.
   */
  requeue?: { notBeforeMs: number; atMs: number };
  /** A run that is made in the same write, and goes on for this one. */
  resume?: NewRun;
  /** Notices for the end of the log, or for after the attempt that is in force before the change. */
  notices?: LogEntry[];
  labels?: string[];
  /** Null: no project any more. */
  projectId?: number | null;
  archivedAtMs?: number;
}

export interface AttemptEnd {
  /** What it ended as, and why, as a run would have. Undefined of those that ended before this was written down. */
  status?: FinalStatus;
  reasonCode?: string;
  reason?: string;
  exitCode?: number;
  /** How many entries its log has; undefined: unknown, it was lost. */
  logEntries?: number;
  atMs: number;
}

/** One leased try of a run. */
export interface AttemptRecord {
  number: number;
  agentId: string;
  /** When the agent was given it. */
  assignedAtMs: number;
  /** When its command began. */
  startedAtMs?: number;
  /** Undefined: it is in force. */
  end?: AttemptEnd;
}

/** Which runs a list holds. Archived ones never. */
export interface RunFilter {
  owner: string;
  pageSize: number;
  beforeId?: number;
  workflowId?: number;
  hyperSearchId?: number;
  projectId?: number;
  /** Any of them. */
  workspaceIds?: readonly number[];
  /** Name of the code's root. */
  repository?: string;
  /** Any of them. */
  labels?: readonly string[];
}

export interface WorkflowLabel {
  label: string;
  /** Relative to /spell in the master run; empty when the code is fixed. */
  path: string;
  /** What the label stands for when that was settled with the workflow's creation. */
  code?: LabelCode;
}

/** Code that a label stands for whatever becomes of where it came from. */
export interface LabelCode {
  tree: Digest;
  /** Folder of the tree that is the code's root. */
  root: string;
  /** May be empty. */
  commit: string;
  workspaceId?: number;
  githubUrl?: string;
  githubRef?: string;
}

export interface WorkflowRecord {
  id: number;
  owner: string;
  /** Undefined: its master runs on the user's own machine. */
  managingRunId?: number;
  labels: WorkflowLabel[];
  createdAtMs: number;
  /** Somebody asked to stop or kill all of it: nothing is added to it any more. */
  requested?: "stop" | "kill";
  requestedBy?: string;
  /** Hidden, and nothing is added to it. */
  archivedAtMs?: number;
}

export interface AgentRecord {
  id: string;
  name: string;
  machineTypes: MachineTypeSlots[];
  createdAtMs: number;
  lastSeenAtMs: number;
  placement: Placement;
}

/** Whether an agent is given new runs, as the operator wants it: `draining` also says that it is to have none in the end. */
export type Placement = "open" | "cordoned" | "draining";

/** Who a token stands for. `removed`: an agent that there was once. */
export type TokenOwner =
  /** `accessToken`: its name, where it is one that the user named. */
  | { kind: "user"; userName: string; accessToken?: string }
  | { kind: "agent"; agentId: string; removed?: true }
  | { kind: "join" };

export interface UserRecord {
  name: string;
  email: string;
  createdAtMs: number;
  /** Absent: the name will do. */
  fullName?: string;
  /** May make users and set their passwords. */
  operator?: boolean;
  /** When a login last made a session. */
  lastLoginAtMs?: number;
}

/** Where a blob lies in the object store. */
export interface BlobLocation {
  digest: Digest;
  objectKey: string;
  offset: number;
  sizeBytes: number;
  /**
   * The user who says so, while the coordinator has not seen the bytes there: the blob is known to him alone. Of a node: the same of
   * anything below it. Absent: it is known to all.
   */
  claimedBy?: string;
}

/** A blob to record. Nodes become claims by themselves, when something below them is one. */
export interface NewBlob extends BlobLocation {
  /** A directory node that was checked together with everything below it. */
  isNode: boolean;
}

/** What makes blobs a tree. */
export interface CommittedTree {
  root: Digest;
  atMs: number;
  /** What its new nodes name and what was there before: it must be there still. */
  uses: readonly Digest[];
  /** Whose tree it is: it may use what all know, and his own claims. Absent: whatever is recorded. */
  userName?: string;
  /** Those of the objects that have a footer, and how many blobs it lists. */
  packs?: readonly { objectKey: string; blobs: number }[];
  /** The attempt whose agent commits it: until that is over, the tree stays. */
  heldBy?: { runId: number; attempt: number };
}

export interface LogSegment {
  attempt: number;
  firstNumber: number;
  entries: number;
  objectKey: string;
}

/** The log of a run as the record knows it. */
export interface LogDescription {
  before: LogEntry[];
  /** `notices`: what the coordinator said at its end, where the run was tried again; absent: nothing. */
  attempts: { number: number; ended: boolean; logEntries?: number; segments: LogSegment[]; notices?: LogEntry[] }[];
  after: LogEntry[];
  final: boolean;
}
