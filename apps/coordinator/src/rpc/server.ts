/** The gRPC server: all services, health and reflection, on one port. */
import { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { SpellError, messageOf } from "@spell/domain";
import {
  AccountServiceService,
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
  loadDescriptors,
  serverCredentials,
  serverOptions,
} from "@spell/rpc";
import { HealthImplementation } from "grpc-health-check";
import { hostPort } from "../host-port.ts";
import type { Services } from "../services.ts";
import { createAccountService } from "./account-service.ts";
import { createAgentService } from "./agent-service.ts";
import { createMetricService } from "./metric-service.ts";
import { createProjectService } from "./project-service.ts";
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

export interface GrpcServer {
  port: number;
  /** Ends streams and calls; idempotent. */
  stop(): void;
}

/** Starts serving. Throws `unavailable` reason `port-taken` when the port cannot be had. */
export async function startGrpcServer(
  services: Services,
  address: { host: string; port: number },
): Promise<GrpcServer> {
  const server = new Server(serverOptions());
  server.addService(RunServiceService, createRunService(services));
  server.addService(WorkflowServiceService, createWorkflowService(services));
  server.addService(MetricServiceService, createMetricService(services));
  server.addService(StatsServiceService, createStatsService(services));
  server.addService(WorkspaceServiceService, createWorkspaceService(services));
  server.addService(HyperServiceService, createHyperService(services));
  server.addService(TreeServiceService, createTreeService(services));
  server.addService(AccountServiceService, createAccountService(services));
  server.addService(ProjectServiceService, createProjectService(services));
  server.addService(UserServiceService, createUserService(services));
  server.addService(ResourceServiceService, createResourceService(services));
  server.addService(UploadServiceService, createUploadService(services));
  server.addService(LinkServiceService, createLinkService(services));
  server.addService(ModelServiceService, createModelService(services));
  server.addService(StorageServiceService, createStorageService(services));
  server.addService(AgentServiceService, createAgentService(services));
  new HealthImplementation({ "": "SERVING" }).addToServer(server);
  new ReflectionService(loadDescriptors()).addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(hostPort(address.host, address.port), serverCredentials(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(portError("gRPC", address, error));
    });
  });
  return { port, stop: () => server.forceShutdown() };
}

/** Why a port could not be opened, for people. */
export function portError(what: string, address: { host: string; port: number }, error: unknown): SpellError {
  const why = messageOf(error);
  const cure = why.includes("EADDRINUSE")
    ? `Is Spell running already? Choose another port with --${what.toLowerCase()}-port.`
    : "Check --host.";
  return new SpellError(
    "unavailable",
    `Cannot serve ${what} on ${hostPort(address.host, address.port)}: ${why}. ${cure}`,
    { reason: "port-taken", cause: error },
  );
}
