/**
 * Digests of the files of one folder as the last snapshot found them, kept in a file: the next snapshot, of this process or of
 * another, costs a stat walk and reads only what has changed. It is a hint: damaged, lost or not writable, it costs time alone.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import { isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";

/**
 * A file that changed within this time before it was hashed may change again without its times showing it, so it is read again
 * the next time. Also one from the future: some clock was set.
 */
const RACY_MS = 2_000;
/** Beyond this many files, the rest is read each time: loading the index must not cost more than it saves. */
const MAX_FILES = 500_000;
/** Indexes not written for so long are removed: most of them are of folders that are gone. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;
const FORMAT = 1;

/** The identity of a file's contents, as far as stat tells. Times in milliseconds, with fractions down to a quarter of a microsecond. */
type FileTimes = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs">;
type Entry = [dev: number, ino: number, size: number, mtimeMs: number, ctimeMs: number, digest: Digest];

/** Remembers digests by path, relative to the folder. */
export interface SnapshotIndex {
  /** The digest, if stat shows the same file as when it was kept. */
  find(path: string, stats: FileTimes): Digest | undefined;
  /** Remembers the digest of a file as it was when `stats` were taken, before it was read. */
  keep(path: string, file: { stats: FileTimes; digest: Digest }): void;
  /** Writes down what was found and kept since it was opened, and nothing else. Whether that could be done. */
  save(): boolean;
}

/** Opens the index of a folder (absolute path) among those in `indexes`, a folder of the user's own that is made when needed. */
export function openSnapshotIndex(given: { indexes: string; folder: string; now?: () => number }): SnapshotIndex {
  const { indexes, folder, now = Date.now } = given;
  const file = join(indexes, `${createHash("sha256").update(folder).digest("hex")}.json`);
  const before = read(file);
  const seen = new Map<string, Entry>();
  let changed = false;
  return {
    find(path, stats) {
      const entry = before.get(path);
      if (entry === undefined || !isSameFile(entry, stats)) return undefined;
      seen.set(path, entry);
      return entry[5];
    },
    keep(path, { stats, digest }) {
      const { dev, ino, size, mtimeMs, ctimeMs } = stats;
      if (now() - ctimeMs < RACY_MS || seen.size >= MAX_FILES) return;
      seen.set(path, [dev, ino, size, mtimeMs, ctimeMs, digest]);
      changed = true;
    },
    save() {
      if (!changed && seen.size === before.size) return true;
      return write(file, seen);
    },
  };
}

function isSameFile(entry: Entry, stats: FileTimes): boolean {
  const [dev, ino, size, mtimeMs, ctimeMs] = entry;
  return (
    ino === stats.ino &&
    ctimeMs === stats.ctimeMs &&
    mtimeMs === stats.mtimeMs &&
    size === stats.size &&
    dev === stats.dev
  );
}

function read(file: string): Map<string, Entry> {
  try {
    const { format, files } = JSON.parse(readFileSync(file, "utf8")) as { format: unknown; files: unknown };
    if (format !== FORMAT || typeof files !== "object" || files === null) return new Map();
    return new Map(Object.entries(files).filter((pair): pair is [string, Entry] => isEntry(pair[1])));
  } catch {
    return new Map();
  }
}

function isEntry(value: unknown): value is Entry {
  return Array.isArray(value) && value.length === 6 && isDigest(String(value[5]));
}

function write(file: string, files: ReadonlyMap<string, Entry>): boolean {
  const indexes = dirname(file);
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(indexes, { recursive: true, mode: 0o700 });
    // Paths of a user's files are nobody else's business.
    writeFileSync(fresh, JSON.stringify({ format: FORMAT, files: Object.fromEntries(files) }), { mode: 0o600 });
    renameSync(fresh, file);
    removeOld(indexes);
    return true;
  } catch {
    if (existsSync(fresh)) rmSync(fresh, { force: true });
    return false;
  }
}

function removeOld(indexes: string): void {
  for (const name of readdirSync(indexes)) {
    const path = join(indexes, name);
    const { mtimeMs = Infinity } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - KEPT_MS) rmSync(path, { force: true });
  }
}
