/**
 * The record's contract: SQL is the truth about runs. Each method is one transaction, durable when it resolves. Writes that
 * depend on what was read are guarded (`version`): `false` means somebody else changed it first, load and decide again.
 * Every call may reject with `unavailable` (database away) or `exhausted` reason `disk-full`.
 */
import type { Digest } from "@spell/domain";
import type { GarbageStore } from "./garbage.ts";
import type { LinkStore } from "./links.ts";
import type { HyperStore } from "./hyper.ts";
import type { MetricStore } from "./metrics.ts";
import type { AccountStore } from "./accounts.ts";
import type { ModelStore } from "./models.ts";
import type { MultipartStore } from "./multiparts.ts";
import type { ProjectStore } from "./projects.ts";
import type {
  AgentRecord,
  AttemptRecord,
  BlobLocation,
  CommittedTree,
  LogDescription,
  LogSegment,
  NewBlob,
  NewRun,
  RunChange,
  RunFilter,
  RunRecord,
  TokenOwner,
  UserRecord,
  WorkflowLabel,
  WorkflowRecord,
} from "./records.ts";
import type { WorkspaceStore } from "./workspaces.ts";
import type { UpkeepStore } from "./upkeep.ts";
import type { UploadStore } from "./uploads.ts";

export interface CreatedRun {
  run: RunRecord;
  /** This call was made before, with the same client key. */
  existed: boolean;
  /** The run was made for another call that asked for the same. */
  reused: boolean;
}

export interface RunStore {
  readonly links: LinkStore;
  readonly metrics: MetricStore;
  readonly accounts: AccountStore;
  readonly projects: ProjectStore;
  readonly workspaces: WorkspaceStore;
  readonly models: ModelStore;
  readonly uploads: UploadStore;
  readonly hyper: HyperStore;
  readonly garbage: GarbageStore;
  readonly multiparts: MultipartStore;
  readonly upkeep: UpkeepStore;

  /** Makes the user if there is none of that name. */
  ensureUser(user: UserRecord): Promise<UserRecord>;
  findUser(name: string): Promise<UserRecord | undefined>;
  /** Records a token by the sha256 (hex) of its text. */
  addToken(hash: string, owner: TokenOwner, createdAtMs: number): Promise<void>;
  findToken(hash: string): Promise<TokenOwner | undefined>;
  /** Uses up a one-time join token and makes the agent in the same transaction; false when there was no such token. */
  joinAgent(joinTokenHash: string, agent: AgentRecord, agentTokenHash: string): Promise<boolean>;
  findAgent(id: string): Promise<AgentRecord | undefined>;
  listAgents(): Promise<AgentRecord[]>;
  updateAgent(
    id: string,
    change: Partial<Pick<AgentRecord, "machineTypes" | "lastSeenAtMs" | "placement">>,
  ): Promise<void>;
  /** Forgets the agent; its token stands for nobody from then on. False when there was none. */
  removeAgent(id: string): Promise<boolean>;

  /**
   * Numbers the run and queues it. Throws invalid-input (`no-such-tree`) when what it is made of is not there any more, and
   * conflict (`workflow-ended`) when its workflow was stopped, killed or archived. A client key seen before (of the same owner) answers the run it made, with existed. With
   * `reuse`, a run of the same request hash that is under way or complete with exit code 0 is answered, with reused.
   */
  createRun(run: NewRun, clientKey: string, options?: { reuse: boolean }): Promise<CreatedRun>;
  /** A workflow and its master run together; idempotent as createRun. A key cannot be shared: conflict `client-key-used`. */
  createWorkflow(
    workflow: { labels: WorkflowLabel[]; run: NewRun },
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; run: RunRecord; existed: boolean }>;
  findRun(id: number): Promise<RunRecord | undefined>;
  /** A workflow whose master runs on the user's own machine. A client key seen before answers the workflow it made. */
  createLocalWorkflow(
    workflow: { owner: string; labels: WorkflowLabel[]; createdAtMs: number },
    clientKey: string,
  ): Promise<{ workflow: WorkflowRecord; existed: boolean }>;
  /**
   * From here on no run is added to it: whatever would add one throws conflict `workflow-ended`. The first request stays, unless a kill
   * follows a stop. Undefined: there is no such workflow.
   */
  requestWorkflow(id: number, verb: "stop" | "kill", by: string): Promise<WorkflowRecord | undefined>;
  /** Those with runs that have not ended and have not been told of what was asked of their workflow. */
  listWorkflowsToEnd(): Promise<WorkflowRecord[]>;
  /** Hides it, and no run is added to it any more; false while it has one that has not ended. One that is archived stays as it is. */
  archiveWorkflow(id: number, atMs: number): Promise<boolean>;
  /** The run that this owner made with this client key. */
  findRunByClientKey(owner: string, clientKey: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  listRuns(filter: RunFilter): Promise<RunRecord[]>;
  findWorkflow(id: number): Promise<WorkflowRecord | undefined>;
  /**
   * Waiting for a machine and not for a time, in order of id: of those that wait for the same machine type, and of workflows'
   * masters, the first `perLine`. However long one line is, the others are seen. A run that was put in line after `nowMs` waits for no
   * time: the clock was set back since. Without `nowMs`: whatever time they wait for.
   */
  listQueued(perLine: number, nowMs?: number): Promise<RunRecord[]>;
  /** When the first of the runs that wait for a time need wait no longer. */
  nextQueuedAtMs(nowMs: number): Promise<number | undefined>;
  /** In order. */
  listAttempts(runId: number): Promise<AttemptRecord[]>;
  /** With an attempt in force, of one agent or of all. */
  listHeld(agentId?: string): Promise<RunRecord[]>;
  /** Applies a change if the run still has this version. */
  updateRun(id: number, version: number, change: RunChange): Promise<RunRecord | undefined>;

  /**
   * Records a stored segment of a log. The same first number again replaces nothing and is fine. False, and nothing recorded, when the
   * attempt has ended: its log is as long as it is.
   */
  addLogSegment(runId: number, segment: LogSegment): Promise<boolean>;
  describeLog(runId: number): Promise<LogDescription | undefined>;

  /** Those of the digests that are recorded. */
  findBlobs(digests: readonly Digest[]): Promise<BlobLocation[]>;
  /** Those of the digests that are recorded as checked directory nodes. */
  findNodes(digests: readonly Digest[]): Promise<BlobLocation[]>;
  /**
   * Records blobs; ones already known stay where they are, but a claim gives way to what is none. With a tree, it is committed in
   * the same transaction. Throws invalid-input: `missing-object` for one that is being deleted, `missing-blob` for what the tree uses
   * and is not there for this user. Nothing happened when it gives digests: of these, two users claim different places. Say of
   * each that it is no claim, once its bytes are hashed.
   */
  addBlobs(blobs: readonly NewBlob[], tree?: CommittedTree): Promise<Digest[]>;
  /** The bytes of these files were hashed where they lie: from now on all know those that still lie there. */
  confirmBlobs(places: readonly BlobLocation[]): Promise<void>;
  /**
   * Of blobs that somebody was told are there, the nodes count as committed now: they live on for a while. False, and nothing
   * changed, when one of the blobs is gone since.
   */
  renewTrees(digests: readonly Digest[], nowMs: number, heldBy?: CommittedTree["heldBy"]): Promise<boolean>;

  close(): Promise<void>;
}
