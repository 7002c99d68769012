/** gRPC: workflows. */
import type { WorkflowServiceServer } from "@spell/rpc";
import type { Services } from "../services.ts";
import { toRunRequest, toWorkflowMessage } from "./convert.ts";
import { unary } from "./handler.ts";

export function createWorkflowService(services: Services): WorkflowServiceServer {
  const { create, lifecycle } = services;
  return {
    createWorkflow: unary(services, async (request, { principal }) => {
      const run = toRunRequest(request.spec);
      const created = await create.workflow(principal, { run, labels: request.labels }, request.clientKey);
      if (!created.existed) lifecycle.created(created.run);
      const { workflow, runs } = await lifecycle.getWorkflow(principal, created.workflow.id);
      return { workflow: await toWorkflowMessage(services, workflow, runs) };
    }),
    getWorkflow: unary(services, async (request, { principal }) => {
      const { workflow, runs } = await lifecycle.getWorkflow(principal, request.workflowId);
      return { workflow: await toWorkflowMessage(services, workflow, runs) };
    }),
    stopWorkflow: unary(services, async (request, { principal }) => {
      await lifecycle.requestWorkflow(principal, request.workflowId, "stop");
      return {};
    }),
    killWorkflow: unary(services, async (request, { principal }) => {
      await lifecycle.requestWorkflow(principal, request.workflowId, "kill");
      return {};
    }),
  };
}
