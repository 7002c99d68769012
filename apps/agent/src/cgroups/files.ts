/** The files of control groups: short texts that the kernel makes up when they are read. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";

/** The text of a file; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** A number that is all there is in a file; undefined when there is none, such as for `max`. */
export function readNumber(path: string): number | undefined {
  const text = readText(path)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The number behind a name in a file of lines `name number`. */
export function readCount(path: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d+)$`, "m").exec(readText(path) ?? "");
  return found === null ? undefined : Number(found[1]);
}

/** Process numbers, one a line. */
export function readPids(path: string): number[] {
  // 0 is a process that this agent's namespace does not show.
  return (readText(path) ?? "")
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Writes where the kernel has such a file: which ones there are depends on its version. */
export function writeIfThere(path: string, text: string): void {
  if (existsSync(path)) writeFileSync(path, text);
}

/** Moves a process. On a quiet machine the kernel lets the first move wait for some milliseconds, so not on this thread. */
export async function movePid(folder: string, pid: number): Promise<void> {
  try {
    await writeFile(`${folder}/cgroup.procs`, String(pid));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Makes folders, anew where an earlier start left one that nobody is in; on an error none of them stays. */
export function makeFolders(folders: readonly string[]): void {
  const made: string[] = [];
  try {
    for (const folder of folders) {
      if (existsSync(folder)) removeFolder(folder);
      mkdirSync(folder);
      made.push(folder);
    }
  } catch (error) {
    made.forEach(removeFolder);
    throw error;
  }
}

/** Whether it is gone now. */
export function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
