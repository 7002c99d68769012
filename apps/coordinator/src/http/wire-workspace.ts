/** Workspaces in the JSON that the historical clients parse. */
import type { UserRecord, WorkspaceRecord } from "@spell/run-store";
import { wireTime, wireUser } from "./wire.ts";

export function wireWorkspace(request: {
  workspace: WorkspaceRecord;
  /** Undefined: not known any more. */
  creator: UserRecord | undefined;
  remoteUrl: string;
}): Record<string, unknown> {
  const { workspace, creator, remoteUrl } = request;
  const { id, name, rootCommit, description, owner, createdAtMs, updatedAtMs } = workspace;
  return {
    ...{ id, name, description, root_commit: rootCommit, git_remote_url: remoteUrl },
    creator: wireUser(creator ?? { name: owner, email: "", createdAtMs }),
    created_at: wireTime(createdAtMs),
    updated_at: wireTime(updatedAtMs),
  };
}
