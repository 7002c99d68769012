/** Makes the nodes of a tree from a flat list of paths. Pure. */
import { invalidInput, isCleanRelativePath } from "@spell/domain";
import type { Digest, SpellError } from "@spell/domain";
import { MAX_DEPTH, linkClimb, quoted } from "./entry.ts";
import type { DirectoryEntry, FileEntry, SymlinkEntry, TreeEntry } from "./entry.ts";
import { digestOf, encodeNode } from "./node.ts";

/** An entry with its whole path instead of a name; a directory here is an empty one, or one that has entries listed too. */
export type FlatEntry =
  | (Omit<FileEntry, "name"> & { path: string })
  | (Omit<SymlinkEntry, "name"> & { path: string })
  | { kind: "directory"; path: string };

/** The nodes of a tree. */
export interface TreeNodes {
  root: Digest;
  /** Encoded nodes by digest, the root's among them. */
  nodes: Map<Digest, Uint8Array>;
}

/**
 * Builds a tree; folders on the way are made. Throws invalid-input for a path that is not relative and clean, that
 * occurs twice, that runs through a file, or for a link that leaves the tree.
 */
export function buildTree(entries: Iterable<FlatEntry>): TreeNodes {
  const top: Folder = new Map();
  for (const entry of entries) place(top, entry);
  const nodes = new Map<Digest, Uint8Array>();
  return { root: encodeFolder(top, nodes), nodes };
}

/** Encodes one folder, keeps its node, and gives its digest. */
export function addNode(entries: Iterable<TreeEntry>, nodes: Map<Digest, Uint8Array>): Digest {
  const bytes = encodeNode(entries);
  const digest = digestOf(bytes);
  nodes.set(digest, bytes);
  return digest;
}

type Folder = Map<string, Folder | FileEntry | SymlinkEntry>;

function place(top: Folder, entry: FlatEntry): void {
  const { path } = entry;
  if (!isCleanRelativePath(path)) throw invalidInput(`${quoted(path)} is not a path inside a tree.`, "bad-path");
  const parts = path.split("/");
  if (parts.length - 1 > MAX_DEPTH) throw refuse(path, `folders may not lie deeper than ${MAX_DEPTH} levels`);
  const name = parts[parts.length - 1] ?? "";
  let folder = top;
  for (const part of entry.kind === "directory" ? parts : parts.slice(0, -1)) {
    const next: Folder | FileEntry | SymlinkEntry = folder.get(part) ?? new Map();
    if (!(next instanceof Map)) throw refuse(path, `${quoted(part)} on the way is not a folder`);
    folder.set(part, next);
    folder = next;
  }
  if (entry.kind === "directory") return;
  if (folder.has(name)) throw refuse(path, "it occurs twice");
  if (entry.kind === "symlink") {
    if (linkClimb(entry.target) > parts.length - 1) throw refuse(path, `the link to ${quoted(entry.target)} leaves it`);
    folder.set(name, { kind: "symlink", name, target: entry.target });
    return;
  }
  const { sizeBytes, digest, executable } = entry;
  folder.set(name, { kind: "file", name, sizeBytes, digest, executable });
}

function encodeFolder(folder: Folder, nodes: Map<Digest, Uint8Array>): Digest {
  const entries: TreeEntry[] = [];
  for (const [name, child] of folder) {
    if (child instanceof Map) {
      const directory: DirectoryEntry = { kind: "directory", name, digest: encodeFolder(child, nodes) };
      entries.push(directory);
    } else entries.push(child);
  }
  return addNode(entries, nodes);
}

function refuse(path: string, why: string): SpellError {
  return invalidInput(`${quoted(path)} cannot be part of this tree: ${why}.`, "bad-tree");
}
