/** Lets the coordinator know which repository code comes from: `spell repos` lists it, and its runs are found by it. */
import type { SpellClient } from "@spell/sdk";
import type { CodeRoot } from "./code-root.ts";
import { git } from "./git-state.ts";

/** Their numbers there, in the same order; undefined for what is no repository. */
export async function recordRepositories(
  client: SpellClient,
  roots: readonly CodeRoot[],
): Promise<(number | undefined)[]> {
  const numbers: (number | undefined)[] = [];
  for (const root of roots) numbers.push(root.inGit ? await recordRepository(client, root) : undefined);
  return numbers;
}

/** Undefined for a repository without a commit, or that git cannot read. */
async function recordRepository(client: SpellClient, root: CodeRoot): Promise<number | undefined> {
  const roots = await git(root.path, ["rev-list", "--max-parents=0", "HEAD"]);
  const rootCommit = roots?.trim().split("\n").at(-1) ?? "";
  if (!/^[0-9a-f]{40}$/.test(rootCommit)) return undefined;
  const { id } = await client.workspaces.ensure({ rootCommit, name: root.name });
  return id;
}
