/** Finds what lies at a path of a tree, reading only the nodes on the way. */
import { SpellError, invalidInput, isCleanRelativePath } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { quoted } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode } from "./node.ts";

/** Gives the bytes of a node that is known to exist; undefined means that the store lost it. */
export type ReadNode = (digest: Digest) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * The entry at a slash-separated path, undefined when there is none. The empty path is the root itself (a directory
 * with an empty name). Links are not followed: they are entries like any other. Throws invalid-input for a path that is
 * absolute or has empty, `.` or `..` parts, data-loss for a node that cannot be read.
 */
export async function findPath(root: Digest, path: string, readNode: ReadNode): Promise<TreeEntry | undefined> {
  if (!isCleanRelativePath(path, { allowEmpty: true })) {
    throw invalidInput(`${quoted(path)} is not a path inside a tree: write it relative and without '..'.`, "bad-path");
  }
  let entry: TreeEntry = { kind: "directory", name: "", digest: root };
  for (const name of path === "" ? [] : path.split("/")) {
    if (entry.kind !== "directory") return undefined;
    const bytes: Uint8Array | undefined = await readNode(entry.digest);
    if (bytes === undefined) {
      throw new SpellError("data-loss", `The directory node ${entry.digest} on the way to ${quoted(path)} is missing.`);
    }
    const next: TreeEntry | undefined = decodeNode(bytes).find((candidate) => candidate.name === name);
    if (next === undefined) return undefined;
    entry = next;
  }
  return entry;
}
