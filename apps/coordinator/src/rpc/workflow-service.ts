/** gRPC: workflows. */
import { invalidInput } from "@spell/domain";
import type { WorkflowServiceServer } from "@spell/rpc";
import { archiveWorkflow } from "@spell/run-lifecycle";
import type { Services } from "../services.ts";
import { toLabelRequest, toRunRequest, toWorkflowMessage } from "./convert.ts";
import { unary } from "./handler.ts";

export function createWorkflowService(services: Services): WorkflowServiceServer {
  const { create, lifecycle } = services;
  return {
    createWorkflow: unary(services, async (request, { principal }) => {
      const labels = request.labels.map(toLabelRequest);
      if (request.local) {
        if (request.spec !== undefined) {
          throw invalidInput(
            "A workflow whose master runs elsewhere has no run to queue: leave its spec out.",
            "local-spec",
          );
        }
        const made = await create.localWorkflow(principal, labels, request.clientKey);
        return { workflow: await toWorkflowMessage(services, made.workflow, []) };
      }
      const run = toRunRequest(request.spec);
      const created = await create.workflow(principal, { run, labels }, request.clientKey);
      if (!created.existed) lifecycle.created(created.run);
      const { workflow, runs } = await lifecycle.getWorkflow(principal, created.workflow.id);
      return { workflow: await toWorkflowMessage(services, workflow, runs) };
    }),
    getWorkflow: unary(services, async (request, { principal }) => {
      const { workflow, runs } = await lifecycle.getWorkflow(principal, request.workflowId);
      return { workflow: await toWorkflowMessage(services, workflow, runs) };
    }),
    archiveWorkflow: unary(services, async (request, { principal }) => {
      await archiveWorkflow(services, principal, request.workflowId);
      return {};
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
