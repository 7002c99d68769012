/** The gRPC contract: generated messages, services and clients, and how calls are made and errors travel. */
export {
  CORRELATION_METADATA_KEY,
  REASON_METADATA_KEY,
  STATUS_OF_CODE,
  fromServiceError,
  isUnavailable,
  toServiceError,
} from "./status.ts";
export type { ToServiceErrorOptions } from "./status.ts";
export {
  MAX_MESSAGE_BYTES,
  bearerToken,
  callMetadata,
  channelCredentials,
  channelOptions,
  serverCredentials,
  serverOptions,
} from "./channel.ts";
export { parseAddress, parseAddresses } from "./addresses.ts";
export { CoordinatorChannel, NOT_LEADER, STANDBY } from "./coordinator-channel.ts";
export { loadDescriptors } from "./descriptors.ts";
export { callUnary, readStream } from "./calls.ts";
export type { CallContext, StreamMethod, UnaryCallContext, UnaryMethod } from "./calls.ts";
export { LogBatch, LogEntry } from "./gen/spell/v1/log.ts";
export {
  AddRunLabelRequest,
  AddRunLabelResponse,
  ArchiveRunRequest,
  ArchiveRunResponse,
  Attempt,
  CreateRunRequest,
  CreateRunResponse,
  GetRunRequest,
  GetRunResponse,
  KillRunRequest,
  KillRunResponse,
  ListRunsRequest,
  ListRunsResponse,
  Mount,
  ParameterValue,
  RemoveRunLabelRequest,
  RemoveRunLabelResponse,
  RetryPolicy,
  Run,
  RunServiceClient,
  RunServiceService,
  RunSpec,
  StopCondition,
  StopConditions,
  StopRunRequest,
  StopRunResponse,
  StreamLogsRequest,
  StreamLogsResponse,
  WaitStatusRequest,
  WaitStatusResponse,
} from "./gen/spell/v1/run.ts";
export type { RunServiceServer } from "./gen/spell/v1/run.ts";
export {
  MetricPoint,
  MetricPosition,
  MetricServiceClient,
  MetricServiceService,
  StreamMetricsRequest,
  StreamMetricsResponse,
  WaitMetricRequest,
  WaitMetricResponse,
} from "./gen/spell/v1/metric.ts";
export type { MetricServiceServer } from "./gen/spell/v1/metric.ts";
export {
  GpuStats,
  RunStats,
  StatsServiceClient,
  StatsServiceService,
  StreamStatsRequest,
  StreamStatsResponse,
} from "./gen/spell/v1/stats.ts";
export type { StatsServiceServer } from "./gen/spell/v1/stats.ts";
export {
  ArchiveHyperSearchRequest,
  ArchiveHyperSearchResponse,
  CreateHyperSearchRequest,
  CreateHyperSearchResponse,
  GetHyperSearchRequest,
  GetHyperSearchResponse,
  HyperMetricPoint,
  HyperSearch,
  HyperSearchSpec,
  HyperServiceClient,
  HyperServiceService,
  KillHyperSearchRequest,
  KillHyperSearchResponse,
  ListHyperMetricsRequest,
  ListHyperMetricsResponse,
  ListHyperSearchesRequest,
  ListHyperSearchesResponse,
  ParameterRange,
  ParameterValues,
  ReadHyperMetricRequest,
  ReadHyperMetricResponse,
  SearchedParameter,
  StopHyperSearchRequest,
  StopHyperSearchResponse,
} from "./gen/spell/v1/hyper.ts";
export type { HyperServiceServer } from "./gen/spell/v1/hyper.ts";
export {
  EnsureWorkspaceRequest,
  EnsureWorkspaceResponse,
  ListWorkspacesRequest,
  ListWorkspacesResponse,
  RemoveWorkspaceRequest,
  RemoveWorkspaceResponse,
  Workspace,
  WorkspaceServiceClient,
  WorkspaceServiceService,
} from "./gen/spell/v1/workspace.ts";
export type { WorkspaceServiceServer } from "./gen/spell/v1/workspace.ts";
export {
  ArchiveWorkflowRequest,
  ArchiveWorkflowResponse,
  CreateWorkflowRequest,
  CreateWorkflowResponse,
  GetWorkflowRequest,
  GetWorkflowResponse,
  KillWorkflowRequest,
  KillWorkflowResponse,
  StopWorkflowRequest,
  StopWorkflowResponse,
  Workflow,
  WorkflowLabel,
  WorkflowServiceClient,
  WorkflowServiceService,
} from "./gen/spell/v1/workflow.ts";
export type { WorkflowServiceServer } from "./gen/spell/v1/workflow.ts";
export {
  BlobPlace,
  CommitTreeRequest,
  CommitTreeResponse,
  FindMissingRequest,
  FindMissingResponse,
  Lease,
  ObjectSource,
  ReadTreeRequest,
  ReadTreeResponse,
  StoredObject,
  TreeServiceClient,
  TreeServiceService,
  UploadTarget,
} from "./gen/spell/v1/tree.ts";
export type { TreeServiceServer } from "./gen/spell/v1/tree.ts";
export {
  AgentServiceClient,
  AgentServiceService,
  AttemptReport,
  AttemptResult,
  AttemptSpec,
  CommitLogSegmentRequest,
  CommitLogSegmentResponse,
  CommitMetricPointsRequest,
  CommitMetricPointsResponse,
  CompleteRepairRequest,
  CompleteRepairResponse,
  CompleteSnapshotRequest,
  CompleteSnapshotResponse,
  DesiredAttempt,
  EventBusAddress,
  JoinRequest,
  JoinResponse,
  MachineTypeSlots,
  PhaseChange,
  PrepareLogSegmentRequest,
  PrepareLogSegmentResponse,
  ResolvedMount,
  RepairRequest,
  SnapshotRequest,
  SyncRequest,
  SyncResponse,
} from "./gen/spell/v1/agent.ts";
export type { AgentServiceServer } from "./gen/spell/v1/agent.ts";
export {
  AccountServiceClient,
  AccountServiceService,
  Agent,
  CreateJoinTokenRequest,
  CreateJoinTokenResponse,
  ListMachineTypesRequest,
  ListMachineTypesResponse,
  MachineType,
  WhoAmIRequest,
  WhoAmIResponse,
} from "./gen/spell/v1/account.ts";
export type { AccountServiceServer } from "./gen/spell/v1/account.ts";
export {
  LinkServiceClient,
  LinkServiceService,
  ModelServiceClient,
  ModelServiceService,
  ResourceServiceClient,
  ResourceServiceService,
  UploadServiceClient,
  UploadServiceService,
} from "./gen/spell/v1/resource.ts";
export type {
  Link,
  LinkServiceServer,
  ListResourcesResponse,
  Model,
  ModelFile,
  ModelServiceServer,
  ModelVersion,
  ReadResourceResponse,
  ResourceEntry,
  ResourceServiceServer,
  Upload,
  UploadServiceServer,
} from "./gen/spell/v1/resource.ts";
export { UserServiceClient, UserServiceService } from "./gen/spell/v1/user.ts";
export type { AccessToken, PublicKey, User, UserServiceServer } from "./gen/spell/v1/user.ts";
export { ProjectServiceClient, ProjectServiceService } from "./gen/spell/v1/project.ts";
export type { Project, ProjectServiceServer } from "./gen/spell/v1/project.ts";
export { AdminServiceClient, AdminServiceService } from "./gen/spell/v1/admin.ts";
export type { AdminServiceServer, BackupRecordResponse, CheckRecordResponse } from "./gen/spell/v1/admin.ts";
export { StorageServiceClient, StorageServiceService } from "./gen/spell/v1/storage.ts";
export type {
  CheckStoreResponse,
  CollectGarbageResponse,
  MeasureStoreResponse,
  StorageServiceServer,
  StoreItem,
  StoreLoss,
  StoreTotals,
} from "./gen/spell/v1/storage.ts";
