/** Takes a snapshot of a folder: which files belong to it, their digests, and the tree's nodes. */
import { realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import { addNode } from "./build-tree.ts";
import { MAX_DEPTH, linkClimb, nameProblem, quoted, targetProblem } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { openFolder, openFolderBelow } from "./folder-reader.ts";
import { isInGitWorkTree, listGitFiles } from "./git-files.ts";
import { unreadable } from "./hash-file.ts";
import { IGNORE_FILE, NO_RULES, addRules } from "./ignore-rules.ts";
import { emptySnapshot, wrap } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import { addFile } from "./snapshot-file.ts";
import type { SnapshotIndex } from "./snapshot-index.ts";
import { refuse, unlessGone } from "./snapshot-walk.ts";
import type { Found, Listed, ListedFolder, OpenFolder, Place, Walk } from "./snapshot-walk.ts";

const LARGE_FILES_AT_ONCE = 4;
/** The thread is given up this often, so that a server goes on answering while it reads a large tree. */
const TURN_MS = 5;

/** Settings of `snapshotDirectory`. */
export interface SnapshotOptions {
  /** The folder; relative to the current one. */
  directory: string;
  /**
   * Whether git decides what belongs to it, when the folder lies in a work tree. Otherwise everything but `.git` does.
   * Say false where the folder's contents are not trusted or where a repository above it is none of its business.
   */
  gitAware: boolean;
  /**
   * A folder above `directory`. When given, no part of the way from here down may be a link; say it where somebody else
   * can change the folder meanwhile. Default: links on the way to the folder are followed.
   */
  within?: string;
  /** Slash-separated path below which the tree is put. Default: none. */
  prefix?: string;
  /** Relative, slash-separated paths that are left out with all that lies below. */
  exclude?: readonly string[];
  /** Digests of earlier snapshots of this folder, for files that have not changed since. Whoever opened it saves it. */
  index?: SnapshotIndex;
  /** Called for each file that was read or is known. */
  onProgress?: (progress: { fileCount: number; totalBytes: number }) => void;
  signal?: AbortSignal;
}

/**
 * The folder as a tree. `.spellignore` files (gitignore's syntax, in any folder) leave files out, with git or without.
 * A submodule belongs to it, as its own git sees it. Another git repository inside a work tree is not taken but listed in `skipped`: take
 * its own snapshot and `graft` it. Of what Git LFS keeps apart the file is taken when it was fetched, else its pointer, which `skipped` tells.
 *
 * Throws SpellError naming the path: invalid-input for a FIFO, socket or device, a link that is absolute or leaves the
 * folder, a name that trees do not take, a file that cannot be read; conflict (`file-changed`) for a file that keeps
 * changing; not-found for a folder that does not exist. An abort throws the signal's reason.
 */
export async function snapshotDirectory(options: SnapshotOptions): Promise<Snapshot> {
  const { signal } = options;
  signal?.throwIfAborted();
  const directory = options.within === undefined ? realPath(options.directory) : resolve(options.directory);
  const listed = options.gitAware && isInGitWorkTree(directory) ? await listGitFiles(directory, signal) : undefined;
  const folder =
    options.within === undefined
      ? openFolder(directory, directory)
      : openFolderBelow(resolve(options.within), relative(resolve(options.within), directory));
  const walk: Walk = {
    directory,
    excluded: new Set(options.exclude),
    index: options.index,
    onProgress: options.onProgress,
    signal,
    snapshot: emptySnapshot(),
    limit: pLimit(LARGE_FILES_AT_ONCE),
    turnStartedMs: performance.now(),
  };
  walk.snapshot.nodes.clear();
  try {
    const repository = listed && { path: "" };
    const place: Place = {
      ...{ folder, path: "", depth: 0, rules: NO_RULES, repository },
      listed: listed && listedFolders(walk, { prefix: "", paths: listed }),
    };
    walk.snapshot.root = addNode(await walkFolder(walk, place), walk.snapshot.nodes);
  } finally {
    folder.close();
  }
  const prefix = (options.prefix ?? "").split("/").filter((part) => part !== "");
  return prefix.reduceRight((snapshot, name) => wrap(name, snapshot), walk.snapshot);
}

/** `prefix`: the path of the work tree that listed these, with a slash when it is not the top. */
function listedFolders(walk: Walk, { prefix, paths }: { prefix: string; paths: readonly string[] }): ListedFolder {
  const top: ListedFolder = new Map();
  for (const path of paths) {
    if (path.endsWith("/")) {
      skipRepository(walk, `${prefix}${path.slice(0, -1)}`);
      continue;
    }
    const parts = path.split("/");
    let folder = top;
    parts.forEach((part, index) => {
      const known: Listed = folder.get(part) ?? { itself: false, below: undefined };
      folder.set(part, known);
      if (index === parts.length - 1) known.itself = true;
      else folder = known.below ??= new Map<string, Listed>();
    });
  }
  return top;
}

async function walkFolder(walk: Walk, outer: Place): Promise<TreeEntry[]> {
  const own = outer.folder.readSmallText(IGNORE_FILE);
  const rules = own === undefined ? outer.rules : addRules({ outer: outer.rules, folder: outer.path, text: own });
  const index = walk.index?.folder(outer.path);
  const open: OpenFolder = { place: { ...outer, rules }, index, entries: [], pending: [] };
  try {
    for (const name of outer.listed?.keys() ?? outer.folder.names()) {
      if (name === ".git") continue;
      if (performance.now() - walk.turnStartedMs >= TURN_MS) await takeTurn(walk);
      // Only folders are waited for: a promise for each file would cost as much as its stat.
      const folder = addEntry(walk, open, name);
      if (folder !== undefined) await folder;
    }
    await Promise.all(open.pending);
  } finally {
    // Nothing may go on reading through the folder's descriptor once it is closed.
    await Promise.allSettled(open.pending);
  }
  return open.entries;
}

function addEntry(walk: Walk, { place, index, entries, pending }: OpenFolder, name: string): Promise<void> | undefined {
  const path = place.path === "" ? name : `${place.path}/${name}`;
  if (walk.excluded.has(path)) return undefined;
  const stats = place.folder.stat(name);
  // Deleted but still in git's index, or since the folder was listed.
  if (stats === undefined) return undefined;
  if (place.rules.ignores(path, stats.isDirectory() ? "directory" : "other")) return undefined;
  const found: Found = { place, index, entries, pending, name, path, stats };
  if (stats.isDirectory()) return addFolder(walk, found);
  const listed = place.listed?.get(name);
  if (listed !== undefined && !listed.itself) return undefined;
  checkName(path, name);
  if (stats.isSymbolicLink()) {
    entries.push({ kind: "symlink", name, target: checkedTarget(place, { name, path }) });
  } else if (stats.isFile()) {
    addFile(walk, found);
  } else {
    throw refuse(path, `it is ${kindOf(stats)}, and only files, folders and links can be sent`);
  }
  return undefined;
}

async function addFolder(walk: Walk, found: Found): Promise<void> {
  const { place, name, path, entries } = found;
  const listed = place.listed?.get(name);
  const submodule = listed !== undefined && listed.below === undefined ? await listSubmodule(walk, found) : undefined;
  if (listed !== undefined && listed.below === undefined && submodule === undefined) return;
  checkName(path, name);
  if (place.depth === MAX_DEPTH) throw refuse(path, `folders may not lie deeper than ${MAX_DEPTH} levels`);
  const folder = unlessGone(() => openFolder(place.folder.pathOf(name), path));
  if (folder === "gone") return;
  try {
    const inner: Place = { ...place, folder, path, depth: place.depth + 1, listed: listed?.below, ...submodule };
    const inside = await walkFolder(walk, inner);
    // Git knows no empty folders.
    if (inside.length === 0 && listed !== undefined) return;
    entries.push({ kind: "directory", name, digest: addNode(inside, walk.snapshot.nodes) });
  } finally {
    folder.close();
  }
}

/** Git lists a folder itself when it is a submodule (or was a file once): what belongs to it, its own git knows. */
async function listSubmodule(
  walk: Walk,
  { place, name, path }: Found,
): Promise<Pick<Place, "listed" | "repository"> | undefined> {
  const folder = openFolder(place.folder.pathOf(name), path);
  const [isThere, isEmpty] = [folder.stat(".git") !== undefined, folder.names().length === 0];
  folder.close();
  if (!isThere) {
    if (isEmpty)
      walk.snapshot.skipped.push({ path, why: "a submodule that git has not fetched: git submodule update --init" });
    return undefined;
  }
  const paths = (await listGitFiles(join(walk.directory, path), walk.signal)) ?? [];
  return { listed: listedFolders(walk, { prefix: `${path}/`, paths }), repository: { path } };
}

function checkName(path: string, name: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw refuse(path, problem);
}

function checkedTarget(place: Place, { name, path }: { name: string; path: string }): string {
  const target = place.folder.linkTarget(name);
  const leaves = linkClimb(target) > place.depth ? "it leaves the folder that is sent" : undefined;
  const problem = targetProblem(target) ?? leaves;
  if (problem !== undefined) throw refuse(path, `it is a link to ${quoted(target)}, and ${problem}`);
  return target;
}

function kindOf(stats: { isFIFO(): boolean; isSocket(): boolean }): string {
  if (stats.isFIFO()) return "a FIFO (named pipe)";
  return stats.isSocket() ? "a socket" : "a device";
}

function skipRepository(walk: Walk, path: string): void {
  walk.snapshot.skipped.push({ path, why: "a git repository of its own" });
}

async function takeTurn(walk: Walk): Promise<void> {
  await nextTurn();
  walk.signal?.throwIfAborted();
  walk.turnStartedMs = performance.now();
}

function realPath(directory: string): string {
  try {
    return realpathSync(resolve(directory));
  } catch (error) {
    throw unreadable(directory, error);
  }
}
