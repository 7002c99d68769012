/** Code of a label that is settled when the workflow is created: sent by itself, not as a part of the master's code. */
import { basename, join } from "node:path";
import type { Code, SpellClient } from "@spell/sdk";
import { snapshotDirectory, uploadTree, wrap } from "@spell/spellfs";
import { commitError } from "../exit-codes.ts";
import { checkOut } from "./check-out.ts";
import { findCodeRoot } from "./code-root.ts";
import { readGitState } from "./git-state.ts";
import { recordRepositories } from "./record-repository.ts";
import type { LabelledDirectory } from "./repo-option.ts";

/** The directory as it is in the commit that was named with it, else as it is now. Throws exit code 5 for a bad commit. */
export async function sendLabel(client: SpellClient, directory: LabelledDirectory): Promise<Code> {
  const { label, path, typedPath, ref } = directory;
  const name = basename(path) || "root";
  const root = findCodeRoot(path);
  const option = `--repo ${label}=${typedPath}`;
  await using checkout = ref === undefined ? undefined : await checkOut(root, ref, `${option}:${ref}`);
  const source = checkout === undefined ? path : join(checkout.path, root.cwd);
  // What is checked out is in the commit, whatever the rules for ignoring say.
  const taken = snapshotDirectory({ directory: source, gitAware: checkout === undefined }).catch((error: unknown) => {
    if (checkout === undefined || !(error instanceof Error && "code" in error && error.code === "not-found"))
      throw error;
    throw commitError(`${option}:${ref ?? ""}: the commit has no directory ${root.cwd}.`);
  });
  const snapshot = wrap(name, await taken);
  const git = root.inGit ? await readGitState(root.path, checkout?.commit) : undefined;
  await uploadTree(snapshot, client.trees);
  await recordRepositories(client, [root]);
  return { tree: snapshot.root, root: name, gitCommit: git?.commit };
}
