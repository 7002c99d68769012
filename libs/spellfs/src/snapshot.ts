/** A tree of this machine: its nodes, and where the bytes of its files lie. Composition of snapshots is pure. */
import { SpellError, invalidInput, isCleanRelativePath } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { addNode } from "./build-tree.ts";
import { quoted } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode } from "./node.ts";

/** Where the bytes of a blob can be read on this machine. */
export interface LocalFile {
  /** Absolute path. */
  path: string;
  sizeBytes: number;
}

/** Something that is deliberately not part of a snapshot, and why. */
export interface SkippedPath {
  /** Relative, slash-separated. */
  path: string;
  /** A clause such as `a git repository of its own`. */
  why: string;
}

/** A tree whose bytes lie on this machine. */
export interface Snapshot {
  root: Digest;
  /** Every directory node of the tree, encoded, by digest. */
  nodes: Map<Digest, Uint8Array>;
  /** One place of the bytes for every file digest of the tree. */
  files: Map<Digest, LocalFile>;
  /** Files in the tree, each place counted. */
  fileCount: number;
  /** Sum of their sizes, each place counted. */
  totalBytes: number;
  skipped: SkippedPath[];
}

/** A tree without entries. */
export function emptySnapshot(): Snapshot {
  const nodes = new Map<Digest, Uint8Array>();
  return { root: addNode([], nodes), nodes, files: new Map(), fileCount: 0, totalBytes: 0, skipped: [] };
}

/** A tree whose root has the one folder `name`, which is the given tree. Throws invalid-input for a bad name. */
export function wrap(name: string, snapshot: Snapshot): Snapshot {
  const nodes = new Map(snapshot.nodes);
  const root = addNode([{ kind: "directory", name, digest: snapshot.root }], nodes);
  const skipped = snapshot.skipped.map((skip) => ({ ...skip, path: `${name}/${skip.path}` }));
  return { ...snapshot, root, nodes, skipped };
}

/**
 * The tree with another one put at `path` as a directory, in place of whatever is there; folders on the way are made.
 * Throws invalid-input for a path that is not clean or runs through a file or link.
 */
export function graft(snapshot: Snapshot, path: string, other: Snapshot): Snapshot {
  if (!isCleanRelativePath(path)) throw invalidInput(`${quoted(path)} is not a path inside a tree.`, "bad-path");
  const nodes = new Map([...snapshot.nodes, ...other.nodes]);
  const root = replaceAt({ nodes, directory: snapshot.root, parts: path.split("/"), digest: other.root });
  const inside = (skip: SkippedPath): boolean => skip.path === path || skip.path.startsWith(`${path}/`);
  const skipped = [
    ...snapshot.skipped.filter((skip) => !inside(skip)),
    ...other.skipped.map((skip) => ({ ...skip, path: `${path}/${skip.path}` })),
  ];
  return pruned({ root, nodes, files: new Map([...snapshot.files, ...other.files]), skipped });
}

interface Replacement {
  nodes: Map<Digest, Uint8Array>;
  directory: Digest | undefined;
  parts: readonly string[];
  digest: Digest;
}

function replaceAt({ nodes, directory, parts, digest }: Replacement): Digest {
  const [name, ...rest] = parts;
  if (name === undefined) return digest;
  const entries = directory === undefined ? [] : readNode(nodes, directory);
  const present = entries.find((entry) => entry.name === name);
  if (rest.length > 0 && present !== undefined && present.kind !== "directory") {
    throw invalidInput(
      `A folder cannot be put below ${quoted(name)}: it is a ${present.kind} in this tree.`,
      "bad-path",
    );
  }
  const below = present?.kind === "directory" ? present.digest : undefined;
  const child: TreeEntry = {
    kind: "directory",
    name,
    digest: replaceAt({ nodes, directory: below, parts: rest, digest }),
  };
  return addNode([...entries.filter((entry) => entry.name !== name), child], nodes);
}

/** Drops nodes and files that the root does not reach any more, and counts anew. */
function pruned(parts: Pick<Snapshot, "root" | "nodes" | "files" | "skipped">): Snapshot {
  const kept: Snapshot = { ...parts, nodes: new Map(), files: new Map(), fileCount: 0, totalBytes: 0 };
  const visit = (digest: Digest): void => {
    const bytes = parts.nodes.get(digest);
    if (bytes !== undefined) kept.nodes.set(digest, bytes);
    for (const entry of readNode(parts.nodes, digest)) {
      if (entry.kind === "directory") visit(entry.digest);
      if (entry.kind !== "file") continue;
      kept.fileCount += 1;
      kept.totalBytes += entry.sizeBytes;
      const file = parts.files.get(entry.digest);
      if (file !== undefined) kept.files.set(entry.digest, file);
    }
  };
  visit(parts.root);
  return kept;
}

function readNode(nodes: ReadonlyMap<Digest, Uint8Array>, digest: Digest): TreeEntry[] {
  const bytes = nodes.get(digest);
  if (bytes === undefined) throw new SpellError("internal", `The snapshot lacks its own directory node ${digest}.`);
  return decodeNode(bytes);
}
