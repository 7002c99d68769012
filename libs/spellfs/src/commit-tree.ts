/** A commit of a git repository as a tree: only objects are read, nothing is checked out. */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import { buildTree } from "./build-tree.ts";
import type { FlatEntry, TreeNodes } from "./build-tree.ts";
import { linkProblem, quoted } from "./entry.ts";
import { readGitBlobs } from "./git-blobs.ts";
import type { CommitEntry } from "./git-commit.ts";
import { listCommit } from "./git-commit.ts";
import { digestOf, toDigest } from "./node.ts";
import type { SkippedPath } from "./snapshot.ts";

/** Hashed at once. */
const TURN_BYTES = 4 * 1024 * 1024;

export interface CommitTreeOptions {
  gitDir: string;
  /** A commit that the repository has. */
  commit: string;
  /** Most bytes of all files together. */
  maxBytes: number;
  /** Given the bytes of each file once; the next ones come when it is through. */
  keep: (blob: { digest: Digest; bytes: Buffer }) => Promise<void> | void;
  signal?: AbortSignal;
}

export interface CommitTreeNodes extends TreeNodes {
  /** Files in the tree, each place counted. */
  fileCount: number;
  totalBytes: number;
  /** Submodules, names that no tree takes, links that leave the repository. */
  skipped: SkippedPath[];
}

/**
 * Reads a commit. What a tree cannot hold is left out and told: somebody else's repository cannot be put right by whoever
 * wants to run it. Throws invalid-input for one that is too large.
 */
export async function readCommitTree(options: CommitTreeOptions): Promise<CommitTreeNodes> {
  const { gitDir, commit, maxBytes, keep, signal } = options;
  const listing = await listCommit(gitDir, commit, { maxBytes }, signal);
  const digests = new Map<string, Digest>();
  const targets = new Map<string, Buffer>();
  const linkIds = new Set(listing.entries.flatMap(({ kind, objectId }) => (kind === "symlink" ? [objectId] : [])));
  const fileIds = new Set(listing.entries.flatMap(({ kind, objectId }) => (kind === "file" ? [objectId] : [])));
  for await (const { objectId, bytes } of readGitBlobs(gitDir, [...new Set([...fileIds, ...linkIds])], signal)) {
    if (linkIds.has(objectId)) targets.set(objectId, bytes);
    if (!fileIds.has(objectId)) continue;
    const digest = await digestOfFile(bytes);
    digests.set(objectId, digest);
    await keep({ digest, bytes });
  }
  const skipped = [...listing.skipped];
  const flat: FlatEntry[] = [];
  for (const entry of listing.entries) {
    const { path, executable, sizeBytes, objectId } = entry;
    const digest = digests.get(objectId);
    if (entry.kind === "file" && digest !== undefined) flat.push({ kind: "file", path, executable, sizeBytes, digest });
    if (entry.kind === "symlink") addLink({ entry, bytes: targets.get(objectId), flat, skipped });
  }
  const fileCount = flat.filter(({ kind }) => kind === "file").length;
  return { ...buildTree(flat), fileCount, totalBytes: listing.totalBytes, skipped };
}

/** Gives up the thread now and then: a server goes on answering while it reads a large file. */
async function digestOfFile(bytes: Buffer): Promise<Digest> {
  if (bytes.length <= TURN_BYTES) return digestOf(bytes);
  const state = createHash("sha256");
  for (let offset = 0; offset < bytes.length; offset += TURN_BYTES) {
    state.update(bytes.subarray(offset, offset + TURN_BYTES));
    await nextTurn();
  }
  return toDigest(state.digest("hex"));
}

function addLink(link: {
  entry: CommitEntry;
  bytes: Buffer | undefined;
  flat: FlatEntry[];
  skipped: SkippedPath[];
}): void {
  const { path } = link.entry;
  const bytes = link.bytes ?? Buffer.alloc(0);
  const target = bytes.toString("utf8");
  const problem = Buffer.from(target, "utf8").equals(bytes) ? linkProblem(path, target) : "a link must be valid UTF-8";
  if (problem === undefined) link.flat.push({ kind: "symlink", path, target });
  else link.skipped.push({ path, why: `a link to ${quoted(target)}: ${problem}` });
}
