/** HTTP: workspaces, and where git pushes to. */
import { Type } from "@sinclair/typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { invalidInput } from "@spell/domain";
import type { WorkspaceRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { ownerOf } from "./owner.ts";
import type { TypedServer } from "./typed.ts";
import { wireWorkspace } from "./wire-workspace.ts";

const OwnerPath = Type.Object({ owner: Type.String() });
const WorkspacePath = Type.Object({ owner: Type.String(), id: Type.String() });
const WorkspaceBody = Type.Object({
  root_commit: Type.String(),
  name: Type.String(),
  description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

export function addWorkspaceRoutes(app: FastifyInstance, services: Services): void {
  const server = app as TypedServer;
  const { workspaces, pushTokens } = services;

  server.put("/workspaces/:owner", { schema: { params: OwnerPath, body: WorkspaceBody } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const { root_commit: rootCommit, name, description } = request.body;
    const workspace = await workspaces.ensurePushable(principal, { rootCommit, name, description: description ?? "" });
    const login = `${encodeURIComponent(workspace.owner)}:${pushTokens.make(workspace.id)}`;
    return { workspace: await wire(request, workspace, login) };
  });

  const query = Type.Object({ name: Type.Optional(Type.String()) });
  server.get("/workspaces/:owner", { schema: { params: OwnerPath, querystring: query } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    const found = await workspaces.list(principal, request.query);
    return { workspaces: await Promise.all(found.map((workspace) => wire(request, workspace))) };
  });

  server.get("/workspaces/:owner/:id", { schema: { params: WorkspacePath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    return { workspace: await wire(request, await workspaces.get(principal, workspaceId(request.params.id))) };
  });

  server.delete("/workspaces/:owner/:id", { schema: { params: WorkspacePath } }, async (request) => {
    const { principal } = await ownerOf(services, request);
    await workspaces.remove(principal, workspaceId(request.params.id));
    return {};
  });

  /** Only whoever is about to push gets a login in the URL; lists are printed and logged. */
  const wire = async (request: FastifyRequest, workspace: WorkspaceRecord, login?: string): Promise<unknown> => {
    const creator = await services.store.findUser(workspace.owner);
    return wireWorkspace({ workspace, creator, remoteUrl: remoteUrl(services, { request, workspace, login }) });
  };
}

/** On the address by which the client reached us: behind a tunnel or a proxy no other may work for it. */
function remoteUrl(
  services: Services,
  { request, workspace, login }: { request: FastifyRequest; workspace: WorkspaceRecord; login?: string },
): string {
  const url = new URL(services.addresses.api);
  const { host } = request.headers;
  if (host !== undefined && /^([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/i.test(host)) {
    url.host = host;
    // The setter keeps the old port when the new host has none.
    if (!/:\d+$/.test(host)) url.port = "";
    if (request.headers["x-forwarded-proto"] === "https") url.protocol = "https:";
  }
  return `${url.protocol}//${login === undefined ? "" : `${login}@`}${url.host}/git/${workspace.id}.git`;
}

function workspaceId(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw invalidInput(`"${text}" is not a workspace id.`, "bad-workspace-id");
  return Number(text);
}
