/**
 * Keeps a cache within its size: before something is fetched for which there is no room, what was used least recently leaves,
 * except what must stay (cache-holds.ts). When all that is left must stay the cache grows beyond its limit: a run that needs
 * more than the limit is worth more than the limit, and the next removal comes as soon as something may go.
 *
 * A tree leaves by a rename into the folder of unfinished things, a blob by its removal: killed at any step, the cache is
 * whole, and opening it removes the rest.
 */
import { lstatSync, renameSync, rmSync, statfsSync } from "node:fs";
import type { Dirent } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CacheHolds } from "./cache-holds.ts";
import { surveyCache, takenBytes } from "./cache-survey.ts";
import type { Removable } from "./cache-survey.ts";

/** What a cache takes on the disk and may take, bytes. */
export interface CacheSize {
  sizeBytes: number;
  limitBytes: number;
}

/** Told after a removal. */
export type OnEvicted = (eviction: CacheSize & { freedBytes: number }) => void;

export interface CacheSpaceOptions {
  directory: string;
  blobs: string;
  trees: string;
  temporary: string;
  holds: CacheHolds;
  /** Undefined: half of the disk that holds the cache. */
  limitBytes?: number;
  onEvicted?: OnEvicted;
}

/** Freed beyond what is needed at the moment, so that not every fetch has to look through the cache. */
const SPARE_SHARE = 0.05;
/** Left free on the disk for the runs' own files. */
const DISK_RESERVE_BYTES = 256 * 1024 * 1024;
const DISK_RESERVE_SHARE = 0.02;
/** Each round removes trees, and in the next one the blobs that only they linked. */
const MOST_ROUNDS = 20;
const REMOVALS_PER_TURN = 64;

export class CacheSpace {
  readonly #options: CacheSpaceOptions;
  readonly #limitBytes: number;
  /** What was found, plus what was added since: never too little. Undefined: not looked yet. */
  #sizeBytes: number | undefined;
  /** One removal at a time. */
  #removing: Promise<unknown> = Promise.resolve();
  /** As things stood when all that was left had to stay: looking again is of no use before something changes. */
  #exhausted: { releases: number; sizeBytes: number } | undefined;

  constructor(options: CacheSpaceOptions) {
    this.#options = options;
    this.#limitBytes = options.limitBytes ?? diskBytes(options.directory) / 2;
  }

  /** Counts a blob in. */
  added(bytes: number): void {
    if (this.#sizeBytes !== undefined) this.#sizeBytes += bytes;
  }

  async size(): Promise<CacheSize> {
    this.#sizeBytes ??= (await surveyCache(this.#options)).sizeBytes;
    return { sizeBytes: this.#sizeBytes, limitBytes: this.#limitBytes };
  }

  /** Undefined when there is room for so many more bytes; else resolves when what could leave has left. */
  makeRoom(bytes: number): Promise<void> | undefined {
    if (this.#sizeBytes !== undefined && (this.#lacks(bytes) <= 0 || this.#isHopeless())) return undefined;
    return this.#oneByOne(async () => {
      await this.size();
      if (this.#lacks(bytes) > 0) await this.#evict(this.#lacks(bytes) + SPARE_SHARE * (this.#sizeBytes ?? 0));
    });
  }

  /** Gives room on a disk that turned out to be full. The bytes that were freed. */
  makeRoomOnDisk(): Promise<number> {
    return this.#oneByOne(() => this.#evict(diskReserve(this.#options.directory)));
  }

  #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#removing.then(work);
    this.#removing = done.catch(() => undefined);
    return done;
  }

  /** How much has to go before so many bytes can come. */
  #lacks(bytes: number): number {
    const { bavail, bsize } = statfsSync(this.#options.directory);
    const onDisk = bytes + diskReserve(this.#options.directory) - bavail * bsize;
    return Math.max((this.#sizeBytes ?? 0) + bytes - this.#limitBytes, onDisk);
  }

  #isHopeless(): boolean {
    if (this.#exhausted?.releases !== this.#options.holds.releases) return false;
    return (this.#sizeBytes ?? 0) - this.#exhausted.sizeBytes < this.#limitBytes / 100;
  }

  /** Removes until so many bytes are free, or nothing more may go. The bytes that were freed. */
  async #evict(wantedBytes: number): Promise<number> {
    let freedBytes = 0;
    const { releases } = this.#options.holds;
    for (let round = 0; round < MOST_ROUNDS && freedBytes < wantedBytes; round += 1) {
      // Blobs published meanwhile count twice rather than not at all.
      this.#sizeBytes = 0;
      const { sizeBytes, removable } = await surveyCache(this.#options);
      this.#sizeBytes += sizeBytes;
      const removed = await this.#removeOldest(removable, wantedBytes - freedBytes);
      freedBytes += removed.freedBytes;
      this.#sizeBytes -= removed.freedBytes;
      if (removed.count === 0) break;
    }
    const sizeBytes = this.#sizeBytes ?? 0;
    this.#exhausted = freedBytes < wantedBytes ? { releases, sizeBytes } : undefined;
    if (freedBytes > 0) this.#options.onEvicted?.({ freedBytes, sizeBytes, limitBytes: this.#limitBytes });
    return freedBytes;
  }

  async #removeOldest(
    removable: readonly Removable[],
    wantedBytes: number,
  ): Promise<{ count: number; freedBytes: number }> {
    let [count, freedBytes, loosenedBytes] = [0, 0, 0];
    for (const each of removable) {
      if (freedBytes + loosenedBytes >= wantedBytes) break;
      if (this.#mustStay(each)) continue;
      count += 1;
      if (each.kind === "tree") loosenedBytes += await this.#removeTree(each.path);
      else if (isLoose(each.path)) {
        rmSync(each.path, { force: true });
        freedBytes += each.sizeBytes;
      }
      if (count % REMOVALS_PER_TURN === 0) await nextTurn();
    }
    return { count, freedBytes };
  }

  #mustStay({ kind, name }: Removable): boolean {
    return kind === "tree"
      ? this.#options.holds.holdsTree(name)
      : this.#options.holds.holdsBlob(name.replace(/\.x$/, ""));
  }

  /** The bytes of blobs that no tree links any more. */
  async #removeTree(path: string): Promise<number> {
    const old = join(this.#options.temporary, `evicted-${crypto.randomUUID()}`);
    renameSync(path, old);
    return removeFolder(old, { left: REMOVALS_PER_TURN });
  }
}

/** Removes a folder step by step, giving way to other work. The bytes of files whose only other name is that of their blob. */
async function removeFolder(folder: string, turn: { left: number }): Promise<number> {
  let loosenedBytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    loosenedBytes += await removeEntry(entry, turn);
  }
  await rmdir(folder);
  return loosenedBytes;
}

async function removeEntry(entry: Dirent, turn: { left: number }): Promise<number> {
  const path = join(entry.parentPath, entry.name);
  if ((turn.left -= 1) === 0) {
    turn.left = REMOVALS_PER_TURN;
    await nextTurn();
  }
  if (entry.isDirectory()) return removeFolder(path, turn);
  const stats = lstatSync(path);
  rmSync(path);
  return stats.isFile() && stats.nlink === 2 ? takenBytes(stats) : 0;
}

function isLoose(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.nlink === 1;
}

function diskBytes(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return blocks * bsize;
}

function diskReserve(directory: string): number {
  return Math.min(DISK_RESERVE_BYTES, DISK_RESERVE_SHARE * diskBytes(directory));
}
