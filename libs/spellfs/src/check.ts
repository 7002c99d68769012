/**
 * Checks a whole tree that somebody else made: every node has the digest it is called by, links stay inside, and
 * depth, number and size are bounded. For hostile input: each node is read once however often it is used, so a
 * small tree that repeats itself into billions of files costs nothing and is refused.
 */
import { SpellError, hasCode, invalidInput, messageOf } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { MAX_DEPTH, linkClimb, quoted } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode, digestOf } from "./node.ts";

/** Longest path inside a tree, in UTF-8 bytes: leaves room for the folder it is laid in (the system takes 4096). */
export const MAX_PATH_BYTES = 3072;

/** What a directory node and everything below it amount to. A function of the digest: may be stored and given back. */
export interface TreeSummary {
  /** Files below, each place counted. */
  fileCount: number;
  /** Folders below. */
  directoryCount: number;
  /** Sum of the sizes of all files, each place counted. */
  totalBytes: number;
  /** Levels of folders below this one. */
  height: number;
  /** Longest path below, in bytes. */
  pathBytes: number;
  /** How many folders above this one its links reach: a tree stands on its own only when 0. */
  climb: number;
  /** The link that reaches highest; empty when none leaves. */
  climbPath: string;
}

/** The outcome of `checkTree`. */
export interface CheckedTree extends TreeSummary {
  /** The file blobs named by nodes that were walked, with the size declared for each. */
  files: Map<Digest, number>;
  /** Nodes that were walked, children before parents. */
  nodes: Digest[];
}

/** Settings of `checkTree`. */
export interface CheckTreeOptions {
  /** Summary of a sub-tree that was checked and stored before: it is not walked again. Default: none is known. */
  findSummary?: (digest: Digest) => TreeSummary | undefined | Promise<TreeSummary | undefined>;
  /** Told each walked node's summary, children first. */
  onSummary?: (digest: Digest, summary: TreeSummary) => void;
  /** Default 10,000,000. */
  maxFiles?: number;
  /** Default 256. */
  maxDepth?: number;
}

/** Gives the bytes of a node, or undefined when nobody has it. */
export type GetNode = (digest: Digest) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** Checks the tree of this root. Throws invalid-input naming the path and what is wrong (`missing-blob`: a node is not there). */
export async function checkTree(root: Digest, getNode: GetNode, options: CheckTreeOptions = {}): Promise<CheckedTree> {
  const walk: Walk = {
    getNode,
    options,
    maxFiles: options.maxFiles ?? 10_000_000,
    maxDepth: options.maxDepth ?? MAX_DEPTH,
    summaries: new Map(),
    files: new Map(),
    nodes: [],
  };
  const summary = await summarise(walk, root, []);
  if (summary.climb > 0) throw badTree(`the link ${quoted(summary.climbPath)} leaves the tree`);
  return { ...summary, files: walk.files, nodes: walk.nodes };
}

interface Walk {
  getNode: GetNode;
  options: CheckTreeOptions;
  maxFiles: number;
  maxDepth: number;
  summaries: Map<Digest, TreeSummary>;
  files: Map<Digest, number>;
  nodes: Digest[];
}

async function summarise(walk: Walk, digest: Digest, path: readonly string[]): Promise<TreeSummary> {
  const seen = walk.summaries.get(digest) ?? (await walk.options.findSummary?.(digest));
  if (seen !== undefined) {
    walk.summaries.set(digest, seen);
    return seen;
  }
  // A cycle would need a digest that contains itself, so depth alone bounds the recursion.
  if (path.length > walk.maxDepth) throw badTree(`folders lie deeper than ${walk.maxDepth} levels`);
  const summary = emptySummary();
  for (const entry of await readChecked(walk, digest, path)) {
    await addEntry(walk, summary, entry, path);
    if (summary.fileCount + summary.directoryCount > walk.maxFiles) {
      throw badTree(`it has more than ${walk.maxFiles} files and folders`);
    }
    if (!Number.isSafeInteger(summary.totalBytes)) throw badTree("its files are impossibly large");
  }
  walk.summaries.set(digest, summary);
  walk.nodes.push(digest);
  walk.options.onSummary?.(digest, summary);
  return summary;
}

async function addEntry(walk: Walk, summary: TreeSummary, entry: TreeEntry, path: readonly string[]): Promise<void> {
  const nameBytes = Buffer.byteLength(entry.name);
  if (entry.kind === "file") {
    addBlob(walk, entry, path);
    summary.fileCount += 1;
    summary.totalBytes += entry.sizeBytes;
    summary.pathBytes = Math.max(summary.pathBytes, nameBytes);
    return;
  }
  if (entry.kind === "symlink") {
    summary.pathBytes = Math.max(summary.pathBytes, nameBytes);
    raiseClimb(summary, linkClimb(entry.target), entry.name);
    return;
  }
  const below = await summarise(walk, entry.digest, [...path, entry.name]);
  summary.fileCount += below.fileCount;
  summary.directoryCount += 1 + below.directoryCount;
  summary.totalBytes += below.totalBytes;
  summary.height = Math.max(summary.height, below.height + 1);
  summary.pathBytes = Math.max(summary.pathBytes, nameBytes + (below.pathBytes === 0 ? 0 : 1 + below.pathBytes));
  raiseClimb(summary, below.climb - 1, `${entry.name}/${below.climbPath}`);
  if (summary.height > walk.maxDepth) throw badTree(`folders lie deeper than ${walk.maxDepth} levels`);
  if (summary.pathBytes > MAX_PATH_BYTES) {
    throw badTree(`below ${quoted([...path, entry.name].join("/"))} lies a path longer than ${MAX_PATH_BYTES} bytes`);
  }
}

async function readChecked(walk: Walk, digest: Digest, path: readonly string[]): Promise<TreeEntry[]> {
  const where = path.length === 0 ? "the top folder" : `the folder ${quoted(path.join("/"))}`;
  const bytes = await walk.getNode(digest);
  if (bytes === undefined) {
    throw invalidInput(`This tree is not valid: ${where} (${digest}) is missing: upload it first.`, "missing-blob");
  }
  if (digestOf(bytes) !== digest) throw badTree(`${where} does not have the digest ${digest} that it is called by`);
  try {
    return decodeNode(bytes);
  } catch (error) {
    if (!hasCode(error, "invalid-input")) throw error;
    throw new SpellError("invalid-input", `In ${where}: ${messageOf(error)}`, { reason: "bad-tree", cause: error });
  }
}

function addBlob(
  walk: Walk,
  entry: { name: string; digest: Digest; sizeBytes: number },
  path: readonly string[],
): void {
  const declared = walk.files.get(entry.digest);
  if (declared !== undefined && declared !== entry.sizeBytes) {
    throw badTree(`${quoted([...path, entry.name].join("/"))} gives a size that differs from that of the same bytes`);
  }
  walk.files.set(entry.digest, entry.sizeBytes);
}

function raiseClimb(summary: TreeSummary, climb: number, path: string): void {
  if (climb <= summary.climb) return;
  summary.climb = climb;
  // Only a message needs it: no use in carrying kilobytes up a deep tree.
  summary.climbPath = path.slice(0, 1000);
}

function emptySummary(): TreeSummary {
  return { fileCount: 0, directoryCount: 0, totalBytes: 0, height: 0, pathBytes: 0, climb: 0, climbPath: "" };
}

function badTree(why: string): SpellError {
  return invalidInput(`This tree is not valid: ${why}.`, "bad-tree");
}
