/**
 * Digests of files hashed before, so that a second snapshot of a folder costs a stat walk and reads nothing. Kept in
 * memory, for a process that takes many snapshots.
 */
import type { Stats } from "node:fs";
import type { Digest } from "@spell/domain";

/** A file that changed within this time before it was hashed may change again without its times showing it. */
const RACY_MS = 2_000;

/** The identity of a file's contents, as far as stat tells. */
type FileTimes = Pick<Stats, "dev" | "ino" | "size" | "mtimeMs" | "ctimeMs">;

/** Remembers digests by path. */
export interface DigestCache {
  /** The digest, if stat shows the same file as when it was kept. */
  find(path: string, stats: FileTimes): Digest | undefined;
  /** Remembers the digest of a file as it was when `stats` were taken, before it was read. */
  keep(path: string, file: { stats: FileTimes; digest: Digest }): void;
}

/** An empty cache; the oldest entries go when it holds more than `maxEntries` (default 200,000: about 60 MB). */
export function createDigestCache({ maxEntries = 200_000, now = Date.now } = {}): DigestCache {
  const known = new Map<string, FileTimes & { digest: Digest }>();
  return {
    find(path, stats) {
      const entry = known.get(path);
      return entry !== undefined && isSameFile(entry, stats) ? entry.digest : undefined;
    },
    keep(path, { stats, digest }) {
      known.delete(path);
      if (now() - stats.ctimeMs < RACY_MS) return;
      const { dev, ino, size, mtimeMs, ctimeMs } = stats;
      known.set(path, { dev, ino, size, mtimeMs, ctimeMs, digest });
      const oldest = known.keys().next();
      if (known.size > maxEntries && oldest.done !== true) known.delete(oldest.value);
    },
  };
}

function isSameFile(left: FileTimes, right: FileTimes): boolean {
  return (
    left.dev === right.dev &&
    left.ino === right.ino &&
    left.size === right.size &&
    left.mtimeMs === right.mtimeMs &&
    left.ctimeMs === right.ctimeMs
  );
}
