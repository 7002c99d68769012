/** Paths of runs held against what really lies there, so that no symbolic link leads a mount astray. */
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { StartProblem } from "./start-problem.ts";

/** What a path on the machine is; undefined: nothing, or out of reach. */
export function kindOf(path: string): "folder" | "file" | "symlink" | undefined {
  try {
    const stat = lstatSync(path);
    return stat.isSymbolicLink() ? "symlink" : stat.isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

/** The path with all symbolic links of its existing part resolved, as the machine's root would. */
export function resolveOnMachine(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolveOnMachine(parent), path.slice(parent === "/" ? 1 : parent.length + 1));
  }
}

/**
 * Where a path relative to `folder` really lies in it, following the links inside. Throws a StartProblem when a link leads
 * out of the folder or a file stands in the way; `shown` is how the run names the path.
 */
export function resolveInFolder(folder: string, path: string, shown: string): string {
  let rest = path.split("/");
  let at: string[] = [];
  for (let links = 0; rest.length > 0;) {
    const [part = "", ...after] = rest;
    rest = after;
    const next = [...at, part];
    const kind = kindOf(join(folder, ...next));
    if (kind === "file" && rest.length > 0) {
      throw new StartProblem(`Cannot mount at ${shown}: "${next.join("/")}" is a file. Choose another mount path.`);
    }
    if (kind !== "symlink") {
      at = next;
      continue;
    }
    const target = readlinkSync(join(folder, ...next));
    const inside = normalize([...at, target].join("/"));
    links += 1;
    if (target.startsWith("/") || inside === ".." || inside.startsWith("../") || links > 40) {
      throw new StartProblem(
        `Cannot mount at ${shown}: "${next.join("/")}" is a symbolic link that leads elsewhere (${target}). Choose another mount path.`,
      );
    }
    rest = [...inside.split("/").filter((name) => name !== "" && name !== "."), ...rest];
    at = [];
  }
  return at.join("/");
}
