/**
 * Looks through a cache: what it takes on the disk, and what could leave it, with the time of its last use. The blobs are
 * what counts: a blob that several trees link is one file. A blob that no tree links is **loose**; it can leave by itself.
 * The others leave after the trees that link them.
 *
 * The time of the last use is the access time, of a tree's folder or of a loose blob. It is set when the thing is asked for, not
 * more often than once a minute, and it survives whatever happens to the agent. What a run sees of a file is not changed by it.
 */
import { lstatSync, readdirSync, utimesSync } from "node:fs";
import type { Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Something that could leave the cache. */
export interface Removable {
  kind: "tree" | "blob";
  /** The digest, of a blob as its file is called: with `.x` for the executable form. */
  name: string;
  path: string;
  /** Unix time, milliseconds. */
  usedAtMs: number;
  /** What a loose blob takes. Unknown for a tree, so 0. */
  sizeBytes: number;
}

/** What a look through a cache found. */
export interface CacheSurvey {
  /** What the blobs take on the disk: allocated bytes, so that holes cost nothing. */
  sizeBytes: number;
  /** Least recently used first. */
  removable: Removable[];
}

const STATS_PER_TURN = 256;
/** More loose blobs than this are not remembered in one look, which bounds its memory; the oldest are. */
const MOST_LOOSE = 50_000;
const USE_RESOLUTION_MS = 60_000;

/** Costs one stat for each blob and tree; gives way to other work in between. */
export async function surveyCache(folders: { blobs: string; trees: string }): Promise<CacheSurvey> {
  let sizeBytes = 0;
  let loose: Removable[] = [];
  let untilTurn = STATS_PER_TURN;
  for (const prefix of await readdir(folders.blobs)) {
    for (const name of await readdir(join(folders.blobs, prefix))) {
      if ((untilTurn -= 1) === 0) {
        untilTurn = STATS_PER_TURN;
        await nextTurn();
      }
      const path = join(folders.blobs, prefix, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      sizeBytes += takenBytes(stats);
      if (stats.nlink === 1) {
        loose.push({ kind: "blob", name, path, usedAtMs: stats.atimeMs, sizeBytes: takenBytes(stats) });
      }
      if (loose.length >= 2 * MOST_LOOSE) loose = oldestFirst(loose).slice(0, MOST_LOOSE);
    }
  }
  return { sizeBytes, removable: oldestFirst([...loose, ...treesIn(folders.trees)]) };
}

/** What a file takes on the disk. */
export function takenBytes(stats: Stats): number {
  return stats.blocks * 512;
}

/** Notes that a tree or a loose blob is used now; runs may have given their outputs any time. */
export function markUsed(path: string, stats: Stats): void {
  const now = Date.now();
  if (now - stats.atimeMs < USE_RESOLUTION_MS && stats.atimeMs <= now) return;
  utimesSync(path, now / 1000, stats.mtimeMs / 1000);
}

function treesIn(folder: string): Removable[] {
  return readdirSync(folder).flatMap((name): Removable[] => {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ kind: "tree", name, path, usedAtMs: stats.atimeMs, sizeBytes: 0 }];
  });
}

function oldestFirst(removable: Removable[]): Removable[] {
  return removable.sort((a, b) => a.usedAtMs - b.usedAtMs);
}
