/** Turns what a run wrote into a stored tree, and keeps the files in this machine's cache for the next run. */
import type { Digest } from "@spell/domain";
import type { TreeCache, TreeTransport } from "@spell/spellfs";
import { snapshotEntries, uploadTree } from "@spell/spellfs";
import type { WrittenEntry } from "./executors/executor.ts";

/** Paths as others will see them: below the code root relative to it, others relative to /spell; the code root wins. */
export function outputPaths(written: readonly WrittenEntry[], codeRoot: string): WrittenEntry[] {
  const prefix = codeRoot === "" ? "" : `${codeRoot}/`;
  const byPath = new Map<string, WrittenEntry>();
  const inside = written.filter((entry) => prefix !== "" && entry.path.startsWith(prefix));
  for (const entry of inside) byPath.set(entry.path.slice(prefix.length), entry);
  const outside = written.filter((entry) => !inside.includes(entry) && entry.path !== codeRoot);
  for (const entry of outside) {
    if (!byPath.has(entry.path) && !crosses(byPath, entry.path)) byPath.set(entry.path, entry);
  }
  return [...byPath].map(([path, entry]) => ({ ...entry, path }));
}

/** Whether a path has another entry's file where it needs a folder, or the other way round. */
function crosses(taken: ReadonlyMap<string, WrittenEntry>, path: string): boolean {
  for (const [other, entry] of taken) {
    if (entry.kind !== "directory" && path.startsWith(`${other}/`)) return true;
    if (other.startsWith(`${path}/`)) return true;
  }
  return false;
}

export interface SavedOutputs {
  /** Undefined: nothing was written. */
  tree?: Digest;
  fileCount: number;
  totalBytes: number;
}

/** Stores the outputs, then moves the files into the cache; `onHashed` runs before the first byte is sent. */
export async function saveOutputs(request: {
  written: readonly WrittenEntry[];
  codeRoot: string;
  cache: TreeCache;
  transport: TreeTransport;
  signal: AbortSignal;
  onHashed(): Promise<void>;
}): Promise<SavedOutputs> {
  const entries = outputPaths(request.written, request.codeRoot);
  if (entries.length === 0) return { fileCount: 0, totalBytes: 0 };
  const snapshot = await snapshotEntries({ entries, signal: request.signal });
  const { fileCount, totalBytes } = snapshot;
  await request.onHashed();
  await uploadTree(snapshot, request.transport, { signal: request.signal });
  const executable = new Set(entries.filter((entry) => entry.executable).map((entry) => entry.source));
  for (const [digest, file] of snapshot.files) {
    await request.cache.adopt({ path: file.path, digest, executable: executable.has(file.path) });
  }
  return { tree: snapshot.root, fileCount, totalBytes };
}

/** The line that says what was found. */
export function savedText(summary: { fileCount: number; totalBytes: number }): string {
  if (summary.fileCount === 0) return "No modified or new files found";
  const files = summary.fileCount === 1 ? "1 new or modified file" : `${summary.fileCount} new or modified files`;
  return `Found ${files} (${summary.totalBytes} bytes)`;
}
