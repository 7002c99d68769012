/** Which folder is the code of a run started here: the git repository around the current directory, or the directory. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { argumentError } from "../exit-codes.ts";

export interface CodeRoot {
  /** Absolute path of the folder. */
  path: string;
  /** Its name below `/spell`. */
  name: string;
  /** The current directory, relative to the folder; empty: the folder itself. */
  cwd: string;
  inGit: boolean;
}

/** Finds the code root of a directory (a real path). Reads only names. */
export function findCodeRoot(directory: string): CodeRoot {
  const repository = repositoryAround(directory);
  const path = repository ?? directory;
  return {
    path,
    name: basename(path) || "root",
    cwd: relative(path, directory),
    inGit: repository !== undefined,
  };
}

/** Refuses folders that nobody means to send: the home directory and the root of the file system. */
export function refuseWholeHome(path: string, options: { home?: string } = {}): void {
  const home = options.home ?? homedir();
  if (path !== "/" && path !== home && !home.startsWith(`${path}/`)) return;
  throw argumentError(
    `All files of ${path} would be sent along as the code of the run. Go to the directory of your code, or say -f if you mean it.`,
  );
}

function repositoryAround(directory: string): string | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
