export type { LinkRecord } from "./links.ts";
export type {
  HyperSearchRecord,
  HyperStore,
  ListedParameter,
  NewHyperSearch,
  ParameterRange,
  ParameterValue,
  RangedParameter,
  SearchProgress,
  SearchSpec,
} from "./hyper.ts";
export type { MetricPoint, MetricStore, MetricSummary, NamedPoint } from "./metrics.ts";
export { Marks } from "./marks.ts";
export { REFERENCE_SOURCES } from "./garbage.ts";
export type {
  BlobMove,
  CollectionRecord,
  CollectionResult,
  NumberedBlob,
  ObjectUse,
  TreeReference,
} from "./garbage.ts";
export type { MultipartRecord } from "./multiparts.ts";
export type { ModelFile, ModelRecord, ModelVersionRecord } from "./models.ts";
export type { ProjectRecord, ProjectStore } from "./projects.ts";
export type { CreatedRun, RunStore } from "./run-store.ts";
export type { AccessTokenRecord, AccountStore, LoginRecord, PublicKeyRecord } from "./accounts.ts";
export type {
  AgentRecord,
  AttemptEnd,
  AttemptRecord,
  Placement,
  BlobLocation,
  CommittedTree,
  LabelCode,
  LogDescription,
  LogSegment,
  NewBlob,
  NewRun,
  ResolvedMount,
  RunChange,
  RunFilter,
  RunRecord,
  RunSpec,
  RunType,
  StopCondition,
  TokenOwner,
  UserRecord,
  WorkflowLabel,
  WorkflowRecord,
} from "./records.ts";
export { readBackup, writeBackup } from "./backup/backup-file.ts";
export type { OpenBackup } from "./backup/backup-file.ts";
export type { CheckedRule } from "./upkeep.ts";
export { workspaceRepository } from "./workspaces.ts";
export type { CommitTree, WorkspaceRecord, WorkspaceStore } from "./workspaces.ts";
export type { CompleteUpload, UploadFile, UploadRecord } from "./uploads.ts";
