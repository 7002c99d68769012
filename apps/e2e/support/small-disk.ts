/** A disk of a few megabytes, in memory, mounted at a folder. Needs root. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statfsSync } from "node:fs";

/** Why there can be none here; undefined when there can. */
export const missingDisk: string | undefined = process.getuid?.() === 0 ? undefined : "only root may mount a disk";

export interface SmallDisk extends Disposable {
  path: string;
  freeBytes(): number;
  /** Paths of all files on it. */
  files(): string[];
  /** Makes it larger, as somebody who has run out of space would. */
  grow(megabytes: number): void;
}

export function mountSmallDisk(path: string, options: { megabytes: number }): SmallDisk {
  mkdirSync(path, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${options.megabytes}m`, "spell-small-disk", path]);
  const umount = (): void => void execFileSync("umount", ["-l", path]);
  process.once("exit", umount);
  return {
    path,
    freeBytes: () => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    files: () =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath}/${entry.name}`),
    grow: (megabytes) => void execFileSync("mount", ["-o", `remount,size=${megabytes}m`, path]),
    [Symbol.dispose]: () => {
      process.removeListener("exit", umount);
      umount();
    },
  };
}
