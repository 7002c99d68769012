/** The coordinator's parts, for whoever puts them together otherwise than `main.ts` does: the simulation. */
export { buildServices } from "./build-services.ts";
export type { ServiceOptions } from "./build-services.ts";
export { SOLE_LEAD } from "./leadership/lead.ts";
export { Sweeper } from "./loops/sweeper.ts";
export { createAgentService } from "./rpc/agent-service.ts";
export { createRunService } from "./rpc/run-service.ts";
export { createTreeService } from "./rpc/tree-service.ts";
export { createWorkflowService } from "./rpc/workflow-service.ts";
