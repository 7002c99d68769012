/** The TypeScript SDK: launch runs, wait for them, read their logs, mount what they wrote into the next. */
export { FINAL_STATUSES, REASONS, RUN_STATUSES, SpellError, hasCode, isFinal, isReasonCode } from "@spell/domain";
export type { Doer, ErrorCode, FinalStatus, LogEntry, MetricCondition, ReasonCode, RunStatus } from "@spell/domain";
export { SpellClient } from "./client.ts";
export {
  DEFAULT_COORDINATOR,
  configurationPath,
  coordinatorBeside,
  coordinatorOf,
  loadConfiguration,
  readConfigurationFile,
  removeConfigurationFile,
  writeConfigurationFile,
} from "./configuration.ts";
export { parseAddresses } from "@spell/rpc";
export type { Agent, Attempt, RetryPolicy } from "@spell/rpc";
export type { Configuration, ConfigurationFile } from "./configuration.ts";
export type { CallOptions, Patience } from "./connection.ts";
export type { HyperSearch } from "./hyper-search.ts";
export type { BayesianOptions, HyperService, ParameterRange, ParameterValues, SearchedRun } from "./hyper-service.ts";
export type { LogOptions } from "./log-reader.ts";
export type { MetricOptions, MetricPoint } from "./metric-reader.ts";
export type { RunStats } from "@spell/rpc";
export type { StatsOptions } from "./stats-reader.ts";
export { Run } from "./run.ts";
export type { RetryRequest } from "@spell/domain";
export type { Code, CommandRequest, MountRequest, RunRequest, StopCondition } from "./run-request.ts";
export type { ListOptions, RunsService } from "./runs-service.ts";
export type { Workspace, WorkspacesService } from "./workspaces-service.ts";
export type { LabelRequest, Workflow, WorkflowRequest, WorkflowsService } from "./workflows-service.ts";
export type { AccountService, Placement, User } from "./account-service.ts";
export type { TreesService } from "./trees-service.ts";
export type { AccessToken, Login, NewUser, PublicKey, UsersService } from "./users-service.ts";
export type { Project, ProjectsService } from "./projects-service.ts";
export type { CheckOutOptions } from "./check-out.ts";
export type { CopyOptions, ResourceLine, ResourcesService } from "./resources-service.ts";
export type { Upload, UploadsService } from "./uploads-service.ts";
export type { Link, LinksService } from "./links-service.ts";
export type {
  CheckProgress,
  CollectionProgress,
  MeasureProgress,
  StorageService,
  StoreItem,
  StoreLoss,
  StoreTotals,
} from "./storage-service.ts";
export type { CheckedRule } from "./admin-service.ts";
export type { Model, ModelRequest, ModelVersion, ModelsService } from "./models-service.ts";
