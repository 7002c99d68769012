/** Finds what a path of a tree leads to when links are followed, as a system would follow them, never out of the tree. */
import type { Digest } from "@spell/domain";
import type { TreeEntry } from "./entry.ts";
import { findPath } from "./find-path.ts";
import type { ReadNode } from "./find-path.ts";

/** As many as Linux follows. */
const MAX_LINKS = 40;

/** An entry, and its path without links. */
export interface FollowedPath {
  entry: TreeEntry;
  path: string;
}

/**
 * A file or directory; undefined when the path leads to nothing, out of the tree, or in a circle. `..` and `.` are for links: what
 * users write is checked before. Throws data-loss for a node that cannot be read.
 */
export async function followPath(root: Digest, path: string, readNode: ReadNode): Promise<FollowedPath | undefined> {
  const pending = path.split("/");
  const stack: TreeEntry[] = [{ kind: "directory", name: "", digest: root }];
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "" || name === ".") continue;
    const folder = stack.at(-1);
    if (folder?.kind !== "directory") return undefined;
    if (name === "..") {
      if (stack.length === 1) return undefined;
      stack.pop();
      continue;
    }
    const next = await findPath(folder.digest, name, readNode);
    if (next === undefined) return undefined;
    if (next.kind !== "symlink") {
      stack.push(next);
      continue;
    }
    if ((links += 1) > MAX_LINKS) return undefined;
    pending.unshift(...next.target.split("/"));
  }
  const entry = stack.at(-1);
  const names = stack.slice(1).map((each) => each.name);
  return entry && { entry, path: names.join("/") };
}
