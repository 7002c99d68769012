/** Puts together what the coordinator does with git: the repositories of workspaces, receiving pushes, fetching code. */
import { join } from "node:path";
import { PushTokens } from "@spell/run-lifecycle";
import type { RunStore } from "@spell/run-store";
import { CodeFetcher } from "./code-fetcher.ts";
import { GitChildren } from "./git-children.ts";
import type { GitHandler } from "./git-handler.ts";
import { createGitHandler } from "./git-handler.ts";
import { GitRepositories } from "./repositories.ts";

export interface GitOptions {
  /** Folder that is its own. */
  root: string;
  /** Signs push tokens. */
  secret: string;
  /** Most bytes of one push or of one fetched repository. */
  maxBytes: number;
  /** How long one push or fetch may take. */
  seconds: number;
  /** Protocols besides https, http, git and ssh. */
  allowedProtocols: readonly string[];
  /** Pushes between two times that a repository is put in order. Default 64. */
  tidyAfter?: number;
  /** Variables that git and ssh need to reach other machines. */
  network: Readonly<Record<string, string>>;
}

export interface Git {
  repositories: GitRepositories;
  tokens: PushTokens;
  maxBytes: number;
  allowedProtocols: readonly string[];
  /** Serves `/git/`. */
  handler: GitHandler;
  /** Ends every git that works. */
  close(): Promise<void>;
}

export async function openGit(store: RunStore, options: GitOptions, now: () => number): Promise<Git> {
  const { root, maxBytes, seconds } = options;
  // Slow servers elsewhere must not keep pushes waiting.
  const [receiving, fetching] = [new GitChildren(seconds), new GitChildren(seconds)];
  const fetcher = new CodeFetcher({ ...options, root: join(root, "fetched"), git: fetching });
  const repositories = await GitRepositories.open(root, { git: receiving, fetcher, tidyAfter: options.tidyAfter });
  const tokens = new PushTokens(options.secret, now);
  const handler = createGitHandler({
    ...{ store, tokens, repositories, git: receiving, maxBytes },
    receiveMs: seconds * 1_000,
  });
  return {
    ...{ repositories, tokens, handler, maxBytes, allowedProtocols: options.allowedProtocols },
    close: async () => {
      await Promise.all([receiving.close(), fetching.close()]);
    },
  };
}
