/** Takes a snapshot of a folder: which files belong to it, their digests, and the tree's nodes. */
import { realpathSync } from "node:fs";
import type { Stats } from "node:fs";
import { join, relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import { hasCode, invalidInput } from "@spell/domain";
import type { SpellError } from "@spell/domain";
import { addNode } from "./build-tree.ts";
import { MAX_DEPTH, linkClimb, nameProblem, quoted, targetProblem } from "./entry.ts";
import type { FileEntry, TreeEntry } from "./entry.ts";
import { openFolder, openFolderBelow } from "./folder-reader.ts";
import type { FolderReader } from "./folder-reader.ts";
import { isInGitWorkTree, listGitFiles } from "./git-files.ts";
import { SYNC_READ_BYTES, hashFile, hashSmallFile, unreadable } from "./hash-file.ts";
import { IGNORE_FILE, NO_RULES, addRules } from "./ignore-rules.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { emptySnapshot, wrap } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SnapshotIndex } from "./snapshot-index.ts";

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
 * A git repository inside a git work tree is not taken but listed in `skipped`: take its own snapshot and `graft` it.
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
    const place: Place = { folder, path: "", depth: 0, rules: NO_RULES, listed: listed && listedFolders(walk, listed) };
    walk.snapshot.root = addNode(await walkFolder(walk, place), walk.snapshot.nodes);
  } finally {
    folder.close();
  }
  const prefix = (options.prefix ?? "").split("/").filter((part) => part !== "");
  return prefix.reduceRight((snapshot, name) => wrap(name, snapshot), walk.snapshot);
}

interface Walk {
  directory: string;
  excluded: ReadonlySet<string>;
  index: SnapshotIndex | undefined;
  onProgress: SnapshotOptions["onProgress"];
  signal: AbortSignal | undefined;
  snapshot: Snapshot;
  limit: ReturnType<typeof pLimit>;
  turnStartedMs: number;
}

/** The folder being walked. */
interface Place {
  folder: FolderReader;
  /** Relative to the snapshot's directory; "" for the top. */
  path: string;
  depth: number;
  rules: IgnoreRules;
  /** What git lists here; undefined: git is not asked, everything counts. */
  listed: ListedFolder | undefined;
}

type ListedFolder = Map<string, Listed>;
/** A name that git listed itself, or below which it listed something, or both when one became the other. */
interface Listed {
  itself: boolean;
  below: ListedFolder | undefined;
}

function listedFolders(walk: Walk, paths: readonly string[]): ListedFolder {
  const top: ListedFolder = new Map();
  for (const path of paths) {
    if (path.endsWith("/")) {
      skipRepository(walk, path.slice(0, -1));
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
  const place = { ...outer, rules };
  const entries: TreeEntry[] = [];
  const pending: Promise<void>[] = [];
  try {
    for (const name of place.listed?.keys() ?? place.folder.names()) {
      if (name !== ".git") await addEntry(walk, { place, name, entries, pending });
    }
    await Promise.all(pending);
  } finally {
    // Nothing may go on reading through the folder's descriptor once it is closed.
    await Promise.allSettled(pending);
  }
  return entries;
}

interface Found {
  place: Place;
  name: string;
  entries: TreeEntry[];
  /** Files being hashed meanwhile. */
  pending: Promise<void>[];
}

async function addEntry(walk: Walk, found: Found): Promise<void> {
  const { place, name, entries } = found;
  await takeTurn(walk);
  const path = place.path === "" ? name : `${place.path}/${name}`;
  if (walk.excluded.has(path)) return;
  const stats = place.folder.stat(name);
  // Deleted but still in git's index, or since the folder was listed.
  if (stats === undefined) return;
  if (place.rules.ignores(path, stats.isDirectory() ? "directory" : "other")) return;
  if (stats.isDirectory()) return addFolder(walk, found, path);
  const listed = place.listed?.get(name);
  if (listed !== undefined && !listed.itself) return;
  checkName(path, name);
  if (stats.isSymbolicLink()) {
    entries.push({ kind: "symlink", name, target: checkedTarget(place, { name, path }) });
  } else if (stats.isFile()) {
    addFile(walk, { ...found, path, stats });
  } else {
    throw refuse(path, `it is ${kindOf(stats)}, and only files, folders and links can be sent`);
  }
}

async function addFolder(walk: Walk, { place, name, entries }: Found, path: string): Promise<void> {
  const listed = place.listed?.get(name);
  if (listed !== undefined && listed.below === undefined) {
    // Git lists a folder itself only when it is a repository of its own (or was a file once).
    const folder = openFolder(place.folder.pathOf(name), path);
    if (folder.stat(".git") !== undefined) skipRepository(walk, path);
    folder.close();
    return;
  }
  checkName(path, name);
  if (place.depth === MAX_DEPTH) throw refuse(path, `folders may not lie deeper than ${MAX_DEPTH} levels`);
  const folder = unlessGone(() => openFolder(place.folder.pathOf(name), path));
  if (folder === "gone") return;
  try {
    const inner: Place = { folder, path, depth: place.depth + 1, rules: place.rules, listed: listed?.below };
    const inside = await walkFolder(walk, inner);
    // Git knows no empty folders.
    if (inside.length === 0 && listed !== undefined) return;
    entries.push({ kind: "directory", name, digest: addNode(inside, walk.snapshot.nodes) });
  } finally {
    folder.close();
  }
}

function addFile(walk: Walk, found: Found & { path: string; stats: Stats }): void {
  const { name, path, place, entries, stats } = found;
  const openPath = place.folder.pathOf(name);
  const local = join(walk.directory, path);
  const request = { openPath, shownPath: path, signal: walk.signal };
  const add = (hashed: Omit<FileEntry, "kind" | "name">): void => {
    entries.push({ kind: "file", name, ...hashed });
    walk.snapshot.files.set(hashed.digest, { path: local, sizeBytes: hashed.sizeBytes });
    walk.snapshot.fileCount += 1;
    walk.snapshot.totalBytes += hashed.sizeBytes;
    walk.onProgress?.(walk.snapshot);
  };
  const known = walk.index?.find(path, stats);
  if (known !== undefined) {
    return add({ digest: known, sizeBytes: stats.size, executable: (stats.mode & 0o111) !== 0 });
  }
  const keep = (hashed: Omit<FileEntry, "kind" | "name">): void => {
    walk.index?.keep(path, { stats, digest: hashed.digest });
    add(hashed);
  };
  const small = stats.size <= SYNC_READ_BYTES ? unlessGone(() => hashSmallFile(request)) : undefined;
  if (small === "gone") return;
  if (small !== undefined) keep(small);
  else found.pending.push(walk.limit(() => hashFile(request).then(keep, passOverGone)));
}

/** A file that was deleted since the folder was listed is as good as one deleted before. */
function unlessGone<T>(action: () => T): T | "gone" {
  try {
    return action();
  } catch (error) {
    passOverGone(error);
    return "gone";
  }
}

function passOverGone(error: unknown): void {
  if (!hasCode(error, "not-found")) throw error;
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

function refuse(path: string, why: string): SpellError {
  return invalidInput(`${quoted(path)} cannot be sent: ${why}. Change it, or name it in ${IGNORE_FILE}.`, "bad-path");
}

async function takeTurn(walk: Walk): Promise<void> {
  if (performance.now() - walk.turnStartedMs < TURN_MS) return;
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
