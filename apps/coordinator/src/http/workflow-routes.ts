/** HTTP: workflows. */
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { invalidInput } from "@spell/domain";
import type { LabelRequest } from "@spell/run-lifecycle";
import { archiveWorkflow } from "@spell/run-lifecycle";
import type { RunRecord, WorkflowRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { mapOf, optional } from "./body-types.ts";
import { ownerOf } from "./owner.ts";
import { RunBody, toRunRequest } from "./run-body.ts";
import type { TypedServer } from "./typed.ts";
import { wireWorkflow } from "./wire-workflow.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const WorkflowPath = Type.Object({ owner: Type.String(), id: Type.String() });
const WorkflowBody = Type.Object({
  /** Null: the master runs on the user's own machine. */
  run: optional(RunBody),
  workspace_specs: optional(mapOf(Type.Object({ workspace_id: Type.Integer(), commit_hash: Type.String() }))),
  github_specs: optional(mapOf(Type.Object({ url: Type.String(), ref: optional(Type.String()) }))),
});

export function addWorkflowRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { create, lifecycle } = services;

  const answer = async (workflow: WorkflowRecord, runs: readonly RunRecord[]): Promise<Record<string, unknown>> => {
    const { owner, createdAtMs } = workflow;
    const creator = (await services.store.findUser(owner)) ?? { name: owner, email: "", createdAtMs };
    return { workflow: wireWorkflow({ workflow, runs, creator, nowMs: services.now() }) };
  };

  server.post("/workflows/:owner", { schema: { params: OwnerPath, body: WorkflowBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const clientKey = String(request.headers["idempotency-key"] ?? "");
    const labels = toLabels(request.body);
    const { run: body } = request.body;
    if (body === undefined || body === null) {
      const { workflow } = await create.localWorkflow(principal, labels, clientKey);
      return answer(workflow, []);
    }
    const made = await create.workflow(principal, { run: toRunRequest(body), labels }, clientKey);
    if (!made.existed) lifecycle.created(made.run);
    return answer(made.workflow, [made.run]);
  });

  server.get("/workflows/:owner/:id", { schema: { params: WorkflowPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { workflow, runs } = await lifecycle.getWorkflow(principal, workflowId(request.params.id));
    return answer(workflow, runs);
  });

  server.delete("/workflows/:owner/:id", { schema: { params: WorkflowPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await archiveWorkflow(services, principal, workflowId(request.params.id));
    return {};
  });

  for (const verb of ["stop", "kill"] as const) {
    server.post(`/workflows/:owner/:id/${verb}`, { schema: { params: WorkflowPath } }, async (request) => {
      const { principal } = await ownerOf(services, request);
      await lifecycle.requestWorkflow(principal, workflowId(request.params.id), verb);
      return {};
    });
  }
}

function toLabels(body: Static<typeof WorkflowBody>): LabelRequest[] {
  const pushed = Object.entries(body.workspace_specs ?? {}).map(([label, spec]) => {
    return { label, workspaceId: spec.workspace_id, commit: spec.commit_hash };
  });
  const fetched = Object.entries(body.github_specs ?? {}).map(([label, { url, ref }]) => {
    return { label, githubUrl: url, githubRef: ref ?? "" };
  });
  return [...pushed, ...fetched];
}

function workflowId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a workflow id.`, "bad-workflow-id");
  return Number(text);
}
