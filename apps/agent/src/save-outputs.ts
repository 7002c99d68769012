/**
 * Turns what a run wrote into a stored tree, and keeps the files in this machine's cache for the next run. Two steps, because
 * the second takes the files away: between them the agent writes down what the first one made.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import type { SnapshotEntry, TreeCache, TreeTransport, UploadJournal } from "@spell/spellfs";
import { snapshotEntries, uploadTree } from "@spell/spellfs";
import type { WrittenEntry } from "./executors/executor.ts";

/** Paths as others will see them: below the code root relative to it, others relative to /spell; the code root wins. */
function outputPaths<E extends { path: string; kind: string }>(written: readonly E[], codeRoot: string): E[] {
  const prefix = codeRoot === "" ? "" : `${codeRoot}/`;
  const isInside = ({ path }: E): boolean => prefix !== "" && path.startsWith(prefix);
  const placed: E[] = [];
  const taken = new Set<string>();
  const files = new Set<string>();
  const folders = new Set<string>();
  const place = (entry: E): void => {
    placed.push(entry);
    taken.add(entry.path);
    if (entry.kind !== "directory") files.add(entry.path);
    for (const folder of foldersOf(entry.path)) folders.add(folder);
  };
  for (const entry of written) if (isInside(entry)) place({ ...entry, path: entry.path.slice(prefix.length) });
  for (const entry of written) {
    const { path } = entry;
    // No file where another entry needs a folder.
    const crosses = taken.has(path) || folders.has(path) || foldersOf(path).some((folder) => files.has(folder));
    if (!isInside(entry) && path !== codeRoot && !crosses) place(entry);
  }
  return placed;
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_name, index) => parts.slice(0, index + 1).join("/"));
}

export interface SavedOutputs {
  /** Undefined: nothing was written. */
  tree?: Digest;
  fileCount: number;
  totalBytes: number;
  /** What no tree can hold, and why. */
  skipped: readonly { path: string; why: string }[];
  /** The stored files, where they lie. */
  files: readonly OutputFile[];
  /** The tree's directory nodes, encoded. */
  nodes: ReadonlyMap<Digest, Uint8Array>;
}

export interface OutputFile {
  path: string;
  digest: Digest;
  executable: boolean;
}

/**
 * Stores the outputs; `onHashed` runs before the first byte is sent. They are hashed once, however often the upload has to be
 * tried: `patiently` repeats it while the store or the coordinator is away.
 */
export async function saveOutputs(request: {
  written: readonly WrittenEntry[];
  codeRoot: string;
  transport: TreeTransport;
  /** What was put by a try that failed, or before this process was killed, is not put again. */
  journal?: UploadJournal;
  signal: AbortSignal;
  onHashed(): Promise<void>;
  patiently<T>(work: () => Promise<T>): Promise<T>;
}): Promise<SavedOutputs> {
  const listed: SnapshotEntry[] = [];
  const misnamed: { path: string; kind: string }[] = [];
  for (const { kind, ...entry } of request.written) {
    if (kind === "bad-name") misnamed.push({ ...entry, kind });
    else listed.push({ ...entry, kind });
  }
  const unnamed = outputPaths(misnamed, request.codeRoot).map(({ path }) => ({ path, why: "its name is not UTF-8" }));
  const entries = outputPaths(listed, request.codeRoot);
  if (entries.length === 0) return { fileCount: 0, totalBytes: 0, skipped: unnamed, files: [], nodes: new Map() };
  const snapshot = await snapshotEntries({ entries, signal: request.signal });
  const { root, fileCount, totalBytes } = snapshot;
  const skipped = [...unnamed, ...snapshot.skipped];
  await request.onHashed();
  const isEmpty = fileCount === 0 && entries.length === snapshot.skipped.length;
  if (isEmpty) return { fileCount, totalBytes, skipped, files: [], nodes: new Map() };
  const { transport, journal, signal } = request;
  await request.patiently(() => uploadTree(snapshot, transport, { signal, journal, smallInOneCall: true }));
  const executable = new Set(entries.filter((entry) => entry.executable).map((entry) => entry.source));
  const files = [...snapshot.files].map(([digest, { path }]) => ({ path, digest, executable: executable.has(path) }));
  return { tree: root, fileCount, totalBytes, skipped, files, nodes: snapshot.nodes };
}

const FILES_PER_TURN = 64;

/** Moves stored files into the cache, so that the next stage on this machine copies nothing and asks nobody. */
export async function keepOutputs({ files, nodes }: SavedOutputs, cache: TreeCache): Promise<void> {
  for (const [index, file] of files.entries()) {
    await cache.adopt(file);
    if (index % FILES_PER_TURN === 0) await nextTurn();
  }
  await cache.keepNodes(nodes);
}

/** More odd files than this are counted, not named. */
const MOST_SKIPPED_LINES = 20;

/** The lines that say what was left out of the outputs. */
export function skippedTexts(skipped: SavedOutputs["skipped"]): string[] {
  const named = skipped.slice(0, MOST_SKIPPED_LINES);
  const lines = named.map(({ path, why }) => `Left out of the outputs: ${JSON.stringify(path)} (${why})`);
  const more = skipped.length - named.length;
  return more === 0 ? lines : [...lines, `Left out of the outputs: ${more} more`];
}

/** The line that says what was found. */
export function savedText(summary: { fileCount: number; totalBytes: number }): string {
  if (summary.fileCount === 0) return "No modified or new files found";
  const files = summary.fileCount === 1 ? "1 new or modified file" : `${summary.fileCount} new or modified files`;
  return `Found ${files} (${summary.totalBytes} bytes)`;
}
