/** HTTP: workflows, machine types. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance } from "fastify";
import { DEFAULT_MACHINE_TYPE, invalidInput, notFound } from "@spell/domain";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import { wireWorkflow } from "./wire.ts";
import type { TypedServer } from "./typed.ts";

const WorkflowPath = Type.Object({ owner: Type.String(), id: Type.String() });

export function addOtherRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { lifecycle, store, sessions } = services;

  server.get("/workflows/:owner/:id", { schema: { params: WorkflowPath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const found = await lifecycle.getWorkflow(principal, workflowId(request.params.id));
    const creator = await store.findUser(found.workflow.owner);
    if (creator === undefined) throw notFound(`There is no user ${found.workflow.owner}.`);
    return { workflow: wireWorkflow({ ...found, creator }) };
  });

  for (const verb of ["stop", "kill"] as const) {
    server.post(`/workflows/:owner/:id/${verb}`, { schema: { params: WorkflowPath } }, async (request) => {
      const { principal } = await ownerOf(services, request);
      await lifecycle.requestWorkflow(principal, workflowId(request.params.id), verb);
      return {};
    });
  }

  server.get(
    "/supported_options/:owner/machine_types",
    { schema: { params: Type.Object({ owner: Type.String() }) } },
    async (request) => {
      await ownerOf(services, request);
      return { options: { values: await sessions.machineTypes(store), default: DEFAULT_MACHINE_TYPE } };
    },
  );
}

function workflowId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a workflow id.`, "bad-workflow-id");
  return Number(text);
}
