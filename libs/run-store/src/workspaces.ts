/** Workspaces in the record: the repositories that users push code from, and which trees their commits became. */
import type { Digest } from "@spell/domain";

/** A user's repository, known by its first commit wherever it is cloned. */
export interface WorkspaceRecord {
  id: number;
  owner: string;
  /** The first commit without a parent, hex. */
  rootCommit: string;
  /** Base name of the folder it was last pushed from. */
  name: string;
  description: string;
  createdAtMs: number;
  updatedAtMs: number;
}

/** What a commit became. */
export interface CommitTree {
  /** The files of the repository's root. */
  tree: Digest;
  /** What no tree can hold, as sentences for the log of a run. */
  leftOut: string[];
}

export interface WorkspaceStore {
  /** Makes it, or gives the one of this owner and first commit its new name; the description stays unless one is given. */
  upsert(workspace: {
    owner: string;
    rootCommit: string;
    name: string;
    description: string;
    nowMs: number;
  }): Promise<WorkspaceRecord>;
  find(id: number): Promise<WorkspaceRecord | undefined>;
  /** By id. */
  list(filter: { owner: string; name?: string }): Promise<WorkspaceRecord[]>;
  /** With what is known of its commits; false when it is not there. Its number is never given again. */
  remove(id: number): Promise<boolean>;
  /** `repository`: `workspace/<id>` or `url/<sha256 of the URL>`. */
  findCommitTree(repository: string, commit: string): Promise<CommitTree | undefined>;
  /** What is recorded of a commit stays. */
  addCommitTree(repository: string, commit: string, tree: CommitTree): Promise<void>;
}

/** How the record names a workspace's repository. */
export function workspaceRepository(workspaceId: number): string {
  return `workspace/${workspaceId}`;
}
