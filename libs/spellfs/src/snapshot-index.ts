/**
 * Digests of the files of one folder as the last snapshot found them, kept in a file: the next snapshot, of this process or of
 * another, costs a stat walk and reads only what has changed. It is a hint: damaged, lost or not writable, it costs time alone.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import type { Digest } from "@spell/domain";
import { NUMBERS, digestAt, formatIndex, parseIndex } from "./snapshot-index-file.ts";
import type { FolderColumns } from "./snapshot-index-file.ts";

/**
 * A file that changed within this time before it was hashed may change again without its times showing it, so it is read again
 * the next time. Also one from the future: some clock was set.
 */
const RACY_MS = 2_000;
/** Beyond this many files, the rest is read each time: loading the index must not cost more than it saves. */
const MAX_FILES = 500_000;
/** Indexes not written for so long are removed: most of them are of folders that are gone. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** The identity of a file's contents, as far as stat tells. */
type FileTimes = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs">;

/** Remembers digests. */
export interface SnapshotIndex {
  /** The files of one folder below, by its relative path. To be asked for once. */
  folder(path: string): FolderIndex;
  /** Writes down what was found and kept since it was opened, and nothing else. Whether that could be done. */
  save(): boolean;
}

/** Remembers the digests of one folder's files by name. */
export interface FolderIndex {
  /** The digest, if stat shows the same file as when it was kept. */
  find(name: string, stats: FileTimes): Digest | undefined;
  /** Remembers the digest of a file as it was when `stats` were taken, before it was read. */
  keep(name: string, file: { stats: FileTimes; digest: Digest }): void;
}

/** Opens the index of a folder (absolute path) among those in `indexes`, a folder of the user's own that is made when needed. */
export function openSnapshotIndex(given: { indexes: string; folder: string; now?: () => number }): SnapshotIndex {
  const { indexes, folder, now = Date.now } = given;
  const file = join(indexes, `${createHash("sha256").update(folder).digest("hex")}.json`);
  const before = read(file);
  const seen = new Map<string, FolderColumns>();
  const counts = { before: 0, seen: 0, kept: 0 };
  for (const { names } of before.values()) counts.before += names.length;
  return {
    folder(path) {
      const known = before.get(path);
      const here: FolderColumns = { names: [], numbers: [], digests: "" };
      seen.set(path, here);
      const placeOf = known === undefined ? () => undefined : placesOf(known.names);
      const add = (name: string, { stats, digest }: { stats: FileTimes; digest: Digest }): void => {
        here.names.push(name);
        here.numbers.push(stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs);
        here.digests += digest;
        counts.seen += 1;
      };
      return {
        find(name, stats) {
          const place = placeOf(name);
          if (known === undefined || place === undefined || !isSameFile(known.numbers, place, stats)) return undefined;
          const digest = digestAt(known, place);
          if (digest !== undefined) add(name, { stats, digest });
          return digest;
        },
        keep(name, kept) {
          if (now() - kept.stats.ctimeMs < RACY_MS || counts.seen >= MAX_FILES) return;
          add(name, kept);
          counts.kept += 1;
        },
      };
    },
    save() {
      if (counts.kept === 0 && counts.seen === counts.before) return true;
      return write(file, seen);
    },
  };
}

/** Where a name stands. A folder that has not changed is listed in the order of the last time, so the next place is looked at first. */
function placesOf(names: readonly string[]): (name: string) => number | undefined {
  let next = 0;
  let places: Map<string, number> | undefined;
  return (name) => {
    if (names[next] === name) return (next += 1) - 1;
    places ??= new Map(names.map((each, place) => [each, place]));
    const place = places.get(name);
    if (place !== undefined) next = place + 1;
    return place;
  };
}

function isSameFile(numbers: readonly number[], place: number, stats: FileTimes): boolean {
  const at = place * NUMBERS;
  return (
    numbers[at + 1] === stats.ino &&
    numbers[at + 4] === stats.ctimeMs &&
    numbers[at + 3] === stats.mtimeMs &&
    numbers[at + 2] === stats.size &&
    numbers[at] === stats.dev
  );
}

function read(file: string): Map<string, FolderColumns> {
  try {
    return parseIndex(readFileSync(file, "utf8"));
  } catch {
    return new Map();
  }
}

function write(file: string, folders: ReadonlyMap<string, FolderColumns>): boolean {
  const indexes = dirname(file);
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(indexes, { recursive: true, mode: 0o700 });
    // Paths of a user's files are nobody else's business.
    writeFileSync(fresh, formatIndex(folders), { mode: 0o600 });
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
