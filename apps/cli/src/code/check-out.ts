/** `--commit-ref`: the files of one commit in a folder of their own; the user's own files and index stay as they are. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitError } from "../exit-codes.ts";
import type { CodeRoot } from "./code-root.ts";
import { git } from "./git-state.ts";

/** Disposing removes the folder. */
export interface Checkout extends AsyncDisposable {
  /** Full hash. */
  commit: string;
  path: string;
}

/** `option`: as the user typed it, for messages. Throws exit code 5 when there is no such commit. */
export async function checkOut(root: CodeRoot, ref: string, option = `--commit-ref ${ref}`): Promise<Checkout> {
  if (!root.inGit) throw commitError(`${option}: ${root.path} is not in a git repository.`);
  const asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
  const commit = (await git(root.path, asked))?.trim();
  if (commit === undefined || commit === "") {
    throw commitError(`${option}: there is no such commit in ${root.path}.`);
  }
  const folder = await mkdtemp(join(tmpdir(), "spell-commit-"));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "tree");
    await mkdir(path);
    const ownIndex = { GIT_INDEX_FILE: join(folder, "index") };
    const read = await git(root.path, ["read-tree", commit], ownIndex);
    const written =
      read === undefined ? read : await git(root.path, ["checkout-index", "-a", `--prefix=${path}/`], ownIndex);
    if (written === undefined) {
      throw commitError(`${option}: git could not check out ${commit}; \`git checkout\` says why.`);
    }
    return { commit, path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
