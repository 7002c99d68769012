/** gRPC: workspaces. */
import type { Workspace, WorkspaceServiceServer } from "@spell/rpc";
import type { WorkspaceRecord } from "@spell/run-store";
import type { Services } from "../services.ts";
import { unary } from "./handler.ts";

export function createWorkspaceService(services: Services): WorkspaceServiceServer {
  const { workspaces } = services;
  return {
    ensureWorkspace: unary(services, async ({ rootCommit, name }, { principal }) => ({
      workspace: toMessage(await workspaces.ensure(principal, { rootCommit, name, description: "" })),
    })),
    listWorkspaces: unary(services, async ({ name }, { principal }) => {
      const found = await workspaces.list(principal, name === "" ? {} : { name });
      return { workspaces: found.map(toMessage) };
    }),
    removeWorkspace: unary(services, async ({ workspaceId }, { principal }) => {
      await workspaces.remove(principal, workspaceId);
      return {};
    }),
  };
}

function toMessage(workspace: WorkspaceRecord): Workspace {
  const { id, name, rootCommit, description, owner, createdAtMs, updatedAtMs } = workspace;
  return { id, name, rootCommit, description, owner, createdAtMs, updatedAtMs };
}
