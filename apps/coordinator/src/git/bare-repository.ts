/** Makes empty repositories that git serves and fetches into. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import type { GitChildren } from "./git-children.ts";

/** An empty bare repository, in one step. */
export async function makeBare(git: GitChildren, gitDir: string): Promise<void> {
  await git.requireGit();
  if (existsSync(gitDir)) return;
  const making = `${gitDir}.${randomUUID()}`;
  await mkdir(making, { recursive: true, mode: 0o700 });
  try {
    const args = ["init", "--quiet", "--bare", "--template=", making];
    await git.check({ args });
    await rename(making, gitDir).catch((error: NodeJS.ErrnoException) => {
      // Another request was faster.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}
