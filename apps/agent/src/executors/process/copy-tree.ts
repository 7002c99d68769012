/** Gives a run its own copy of what the cache shares read-only. */
import { constants } from "node:fs";
import { chmod, cp, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Copies a file or a folder, symlinks as they are; the copy's owner may write everywhere in it. */
export async function copyTree(source: string, target: string): Promise<void> {
  await cp(source, target, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
  await makeWritable(target);
}

async function makeWritable(path: string): Promise<void> {
  const { mode } = await lstat(path);
  await chmod(path, mode | constants.S_IWUSR);
  if ((mode & constants.S_IFMT) !== constants.S_IFDIR) return;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await makeWritable(join(path, entry.name));
  }
}
