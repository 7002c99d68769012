/** Finds what a run wrote, in a folder that holds its changes or its whole copy of the code. */
import { chmod, lstat, open, readdir, readlink } from "node:fs/promises";
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { join } from "node:path";
import type { WrittenEntry } from "./executor.ts";

export interface WrittenRequest {
  /** The run's changes (an overlay's upper folder) or its own copy of everything. */
  folder: string;
  /** The code it began with; undefined: none. */
  code: string | undefined;
  /** Relative paths that belong to mounts: they and all below are left out, as are folders made only to hold them. */
  mountPaths: readonly string[];
}

/**
 * Files, symbolic links, new empty folders, FIFOs, sockets and bad names, sorted by path. Left out: deletions (devices to an overlay, as are
 * all devices here), and files whose bytes and executable bit are still the code's. What the run has closed to its owner is
 * opened: an agent that is not root could not read it.
 */
export async function writtenEntries(request: WrittenRequest): Promise<WrittenEntry[]> {
  const entries: WrittenEntry[] = [];
  await allow(request.folder, await lstat(request.folder), LIST);
  await collect("", request, entries);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** How many files of one folder are looked at at once. */
const AT_ONCE = 64;

async function collect(path: string, request: WrittenRequest, entries: WrittenEntry[]): Promise<void> {
  const { names, strange } = await namesIn(join(request.folder, path));
  for (const name of strange) {
    const shown = path === "" ? name : `${path}/${name}`;
    entries.push({ path: shown, kind: "bad-name", source: "", executable: false, sizeBytes: 0 });
  }
  if (names.length === 0 && path !== "" && !isForMounts(path, request) && !(await codeHasFolder(path, request))) {
    entries.push({ path, kind: "directory", source: join(request.folder, path), executable: false, sizeBytes: 0 });
  }
  for (let first = 0; first < names.length; first += AT_ONCE) {
    const slice = names.slice(first, first + AT_ONCE).map((name) => (path === "" ? name : `${path}/${name}`));
    await Promise.all(slice.map((each) => collectOne(each, request, entries)));
  }
}

async function collectOne(path: string, request: WrittenRequest, entries: WrittenEntry[]): Promise<void> {
  if (request.mountPaths.some((mount) => path === mount || path.startsWith(`${mount}/`))) return;
  const source = join(request.folder, path);
  const stat = await lstat(source);
  if (stat.isDirectory()) {
    await allow(source, stat, LIST);
    return collect(path, request, entries);
  }
  if (stat.isSymbolicLink()) {
    const target = await readlink(source);
    const before = await readlink(inCode(path, request)).catch(() => undefined);
    if (target === before) return;
    entries.push({ path, kind: "symlink", source, target, executable: false, sizeBytes: 0 });
  } else if (stat.isFIFO() || stat.isSocket()) {
    entries.push({ path, kind: stat.isFIFO() ? "fifo" : "socket", source, executable: false, sizeBytes: 0 });
  } else if (stat.isFile()) {
    await allow(source, stat, READ);
    if (await isUnchanged(source, stat, inCode(path, request))) return;
    entries.push({
      path,
      kind: "file",
      source,
      executable: (stat.mode & constants.S_IXUSR) !== 0,
      sizeBytes: stat.size,
    });
  }
}

/** What an owner needs to see what is in a folder, and to move it away; and to read a file. */
const [LIST, READ] = [0o700, 0o400];

async function allow(path: string, { mode }: Stats, bits: number): Promise<void> {
  if ((mode & bits) !== bits) await chmod(path, (mode & 0o7777) | bits);
}

/** Names as text. Those that are no UTF-8 come apart, as they read: two of them may read alike. */
async function namesIn(folder: string): Promise<{ names: string[]; strange: string[] }> {
  const names: string[] = [];
  const strange: string[] = [];
  for (const raw of await readdir(folder, { encoding: "buffer" })) {
    const name = raw.toString("utf8");
    (Buffer.from(name).equals(raw) ? names : strange).push(name);
  }
  return { names, strange };
}

function isForMounts(path: string, request: WrittenRequest): boolean {
  return request.mountPaths.some((mount) => mount.startsWith(`${path}/`));
}

async function codeHasFolder(path: string, request: WrittenRequest): Promise<boolean> {
  const stat = await lstat(inCode(path, request)).catch(() => undefined);
  return stat?.isDirectory() ?? false;
}

/** A path where nothing is when there is no code. */
function inCode(path: string, request: WrittenRequest): string {
  return request.code === undefined ? "/dev/null/none" : join(request.code, path);
}

async function isUnchanged(source: string, stat: Stats, original: string): Promise<boolean> {
  const before = await lstat(original).catch(() => undefined);
  if (before?.isFile() !== true || before.size !== stat.size) return false;
  // Trees know no other bit of the mode, and the cache's files lack those of writing.
  if ((before.mode & constants.S_IXUSR) !== (stat.mode & constants.S_IXUSR)) return false;
  return haveSameBytes(source, original);
}

const CHUNK_BYTES = 1 << 20;

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  await using left = await open(one);
  await using right = await open(other);
  const [a, b] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  for (let position = 0; ; position += CHUNK_BYTES) {
    const [{ bytesRead: readA }, { bytesRead: readB }] = await Promise.all([
      left.read(a, 0, CHUNK_BYTES, position),
      right.read(b, 0, CHUNK_BYTES, position),
    ]);
    if (readA !== readB || !a.subarray(0, readA).equals(b.subarray(0, readB))) return false;
    if (readA < CHUNK_BYTES) return true;
  }
}
