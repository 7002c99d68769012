/** What is served by gRPC: every service of the contract. */
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  AccountServiceService,
  AdminServiceService,
  AgentServiceService,
  LinkServiceService,
  MetricServiceService,
  StatsServiceService,
  ProjectServiceService,
  HyperServiceService,
  ModelServiceService,
  ResourceServiceService,
  StorageServiceService,
  RunServiceService,
  TreeServiceService,
  UploadServiceService,
  UserServiceService,
  WorkflowServiceService,
  WorkspaceServiceService,
} from "@spell/rpc";
import type { Services } from "../services.ts";
import { createAccountService } from "./account-service.ts";
import { createAdminService } from "./admin-service.ts";
import { createAgentService } from "./agent-service.ts";
import { createMetricService } from "./metric-service.ts";
import { createProjectService } from "./project-service.ts";
import type { GrpcFront } from "./grpc-front.ts";
import { createHyperService } from "./hyper-service.ts";
import { createModelService } from "./model-service.ts";
import { createLinkService, createResourceService, createUploadService } from "./resource-service.ts";
import { createRunService } from "./run-service.ts";
import { createStorageService } from "./storage-service.ts";
import { createTreeService } from "./tree-service.ts";
import { createStatsService } from "./stats-service.ts";
import { createUserService } from "./user-service.ts";
import { createWorkflowService } from "./workflow-service.ts";
import { createWorkspaceService } from "./workspace-service.ts";

type Create = (services: Services) => UntypedServiceImplementation;

const SERVICES: readonly (readonly [definition: ServiceDefinition, create: Create])[] = [
  [RunServiceService, createRunService],
  [WorkflowServiceService, createWorkflowService],
  [MetricServiceService, createMetricService],
  [StatsServiceService, createStatsService],
  [WorkspaceServiceService, createWorkspaceService],
  [HyperServiceService, createHyperService],
  [TreeServiceService, createTreeService],
  [AccountServiceService, createAccountService],
  [ProjectServiceService, createProjectService],
  [UserServiceService, createUserService],
  [ResourceServiceService, createResourceService],
  [UploadServiceService, createUploadService],
  [LinkServiceService, createLinkService],
  [ModelServiceService, createModelService],
  [StorageServiceService, createStorageService],
  [AdminServiceService, createAdminService],
  [AgentServiceService, createAgentService],
];

/** All services, as a port needs to know them before they can be served. */
export const GRPC_SERVICES: readonly ServiceDefinition[] = SERVICES.map(([definition]) => definition);

/** Serves them from now on. */
export function serveGrpc(front: GrpcFront, services: Services): void {
  front.serve(SERVICES.map(([definition, create]) => ({ definition, implementation: create(services) })));
}
