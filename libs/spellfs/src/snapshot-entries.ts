/** Makes a snapshot from a list of files that were found already: the outputs of a run. */
import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import { hasCode, isCleanRelativePath, messageOf } from "@spell/domain";
import { buildTree } from "./build-tree.ts";
import type { FlatEntry } from "./build-tree.ts";
import { MAX_DEPTH, linkClimb, nameProblem, quoted, targetProblem } from "./entry.ts";
import { hashFile, hashSmallFile } from "./hash-file.ts";
import type { HashedFile } from "./hash-file.ts";
import { emptySnapshot } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";

/** A file, link or empty folder that belongs to the tree, or something found among them that no tree can hold. */
export interface SnapshotEntry {
  /** Place in the tree: relative, slash-separated. */
  path: string;
  kind: "file" | "directory" | "symlink" | "fifo" | "socket";
  /** Where the bytes lie on this machine. */
  source: string;
  /** Links only. */
  target?: string;
  executable: boolean;
  sizeBytes: number;
}

/** Settings of `snapshotEntries`. */
export interface SnapshotEntriesOptions {
  entries: Iterable<SnapshotEntry>;
  signal?: AbortSignal;
}

/**
 * The tree of these entries. What a tree cannot hold (bad names, links that are absolute or leave it, FIFOs, sockets, files
 * that are gone) is left out and told in `skipped`: one odd file must not cost a user the other outputs of a long run.
 * Throws conflict for a file that keeps changing, invalid-input for one that cannot be read or two entries at one path.
 */
export async function snapshotEntries({ entries, signal }: SnapshotEntriesOptions): Promise<Snapshot> {
  const snapshot = emptySnapshot();
  const flat: FlatEntry[] = [];
  const limit = pLimit(4);
  const pending: Promise<void>[] = [];
  let untilTurn = 64;
  try {
    for (const entry of entries) {
      signal?.throwIfAborted();
      if ((untilTurn -= 1) === 0) {
        untilTurn = 64;
        await nextTurn();
      }
      const { path } = entry;
      const why = problemOf(entry);
      if (why !== undefined) snapshot.skipped.push({ path, why });
      else if (entry.kind === "directory") flat.push({ kind: "directory", path });
      else if (entry.kind === "symlink") flat.push({ kind: "symlink", path, target: entry.target ?? "" });
      else {
        const add = ({ digest, sizeBytes }: HashedFile): void => {
          flat.push({ kind: "file", path, digest, sizeBytes, executable: entry.executable });
          snapshot.files.set(digest, { path: entry.source, sizeBytes });
          snapshot.fileCount += 1;
          snapshot.totalBytes += sizeBytes;
        };
        const job = hashEntry({ entry, snapshot, add, signal });
        if (job !== undefined) pending.push(limit(job));
      }
    }
    await Promise.all(pending);
  } finally {
    await Promise.allSettled(pending);
  }
  return { ...snapshot, ...buildTree(flat) };
}

interface HashJob {
  entry: SnapshotEntry;
  snapshot: Snapshot;
  add: (hashed: HashedFile) => void;
  signal: AbortSignal | undefined;
}

/** Hashes a small file now; gives what is left to do for a large one. */
function hashEntry({ entry, snapshot, add, signal }: HashJob): (() => Promise<void>) | undefined {
  const request = { openPath: entry.source, shownPath: entry.path, signal };
  const skipIfGone = (error: unknown): void => {
    if (!hasCode(error, "not-found")) throw error;
    snapshot.skipped.push({ path: entry.path, why: messageOf(error) });
  };
  try {
    const small = hashSmallFile(request);
    if (small === undefined) return async () => hashFile(request).then(add, skipIfGone);
    add(small);
  } catch (error) {
    skipIfGone(error);
  }
  return undefined;
}

function problemOf(entry: SnapshotEntry): string | undefined {
  if (!isCleanRelativePath(entry.path)) return "not a path inside the outputs";
  const parts = entry.path.split("/");
  const problem = parts.map(nameProblem).find((why) => why !== undefined);
  if (problem !== undefined) return problem;
  if (parts.length - 1 > MAX_DEPTH) return `folders may not lie deeper than ${MAX_DEPTH} levels`;
  if (entry.kind === "fifo" || entry.kind === "socket") return entry.kind === "fifo" ? "a FIFO" : "a socket";
  if (entry.kind !== "symlink") return undefined;
  const target = entry.target ?? "";
  const leaves = linkClimb(target) > parts.length - 1 ? "it leaves the outputs" : undefined;
  const wrong = targetProblem(target) ?? leaves;
  return wrong === undefined ? undefined : `a link to ${quoted(target)}: ${wrong}`;
}
