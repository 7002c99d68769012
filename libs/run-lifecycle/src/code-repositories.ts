/** The git repositories that the coordinator keeps, as the use cases see them. */

/** A commit that was fetched, and where its objects lie. */
export interface FetchedCommit {
  gitDir: string;
  /** Whole name, hex. */
  commit: string;
}

export interface CodeRepositories {
  /** Where the objects of a workspace lie. */
  gitDir(workspaceId: number): string;
  /** Makes the workspace's repository if it is not there. */
  make(workspaceId: number): Promise<void>;
  /** Removes it; absent is fine. */
  remove(workspaceId: number): Promise<void>;
  /**
   * Fetches what the ref names at this moment. Throws invalid-input with the URL and git's own sentence when that cannot be
   * had, or is larger or takes longer than it may.
   */
  fetch(request: { url: string; ref: string }): Promise<FetchedCommit>;
}
