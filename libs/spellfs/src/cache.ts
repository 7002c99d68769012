/**
 * The agent's cache of trees and blobs on its disk: what a run needs is fetched once and then shared, read-only, by every
 * run that uses it; what a run wrote is moved in, so that the next stage on this machine copies nothing.
 *
 *     blobs/<aa>/<sha256>[.x]   one file per blob and form (see blob-folder.ts)
 *     trees/<sha256>/           whole trees, their files hard links to blobs; never written again
 *     tmp/                      everything unfinished; cleared when the cache is opened
 *
 * A name below `blobs` or `trees` appears by rename when the thing is complete, so a crash at any instant leaves only
 * leftovers in `tmp`. One process owns a cache at a time.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SpellError, isDigest, notFound } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { bootId } from "@spell/machine";
import { BlobFolder, makeBlobFolders } from "./blob-folder.ts";
import type { BlobFile } from "./blob-folder.ts";
import { CacheHolds } from "./cache-holds.ts";
import type { HeldContents } from "./cache-holds.ts";
import { CacheSpace } from "./cache-space.ts";
import type { CacheSize, OnEvicted } from "./cache-space.ts";
import { markUsed } from "./cache-survey.ts";
import { diskError, errnoOf } from "./disk.ts";
import { UrlsExpiredError, downloadBlobs } from "./download.ts";
import { quoted } from "./entry.ts";
import { materialise } from "./materialise.ts";
import { digestOf } from "./node.ts";
import { collect, readFilePlace, readTree } from "./read-tree.ts";
import type { TreeContents } from "./read-tree.ts";
import { SharedWork } from "./shared-work.ts";
import type { TransferOptions } from "./transfer.ts";
import type { ObjectSource, TreeTransport } from "./transport.ts";

/** A cache of trees and blobs. Paths it gives are shared and must never be written. */
export interface TreeCache {
  /**
   * The folder that holds this tree; fetches what is missing first. Costs one stat when the tree is there. Throws
   * data-loss when the store gives wrong bytes twice, exhausted (`disk-full`) with the folder, unavailable, what the
   * transport throws.
   */
  ensureTree(digest: Digest, transport: TreeTransport, options?: TransferOptions): Promise<string>;
  /** The file with these bytes, mode 0555 when executable and 0444 otherwise. Fetches and throws like `ensureTree`. */
  ensureFile(
    file: { digest: Digest; executable: boolean },
    transport: TreeTransport,
    options?: TransferOptions,
  ): Promise<string>;
  /**
   * Moves a file into the cache and gives its new path. The caller vouches that its bytes are those of the digest and
   * that nothing writes it any more. A file on another disk is copied. Throws exhausted, unavailable (`disk-error`).
   */
  adopt(file: { path: string; digest: Digest; executable: boolean }): Promise<string>;
  /**
   * Keeps directory nodes, encoded, by digest: a tree whose nodes and files are all here is made without asking anybody. Throws
   * exhausted, unavailable (`disk-error`).
   */
  keepNodes(nodes: ReadonlyMap<Digest, Uint8Array>): Promise<void>;
  /** Whether the blob is here, executable or not. */
  hasBlob(digest: Digest): boolean;
  /** Keeps trees and blobs, here already or not, until the holder releases or holds others. */
  hold(holder: string, contents: HeldContents): void;
  /** Idempotent. */
  release(holder: string): void;
  /** Removes what is beyond the limit and held by nobody. Throws exhausted, unavailable (`disk-error`). */
  trim(): Promise<void>;
  /** What it takes on the disk (never too little) and may take. */
  size(): Promise<CacheSize>;
}

/** Settings of `openTreeCache`. */
export interface TreeCacheOptions {
  directory: string;
  /** What it may take on the disk. Default: half of the disk that holds it. */
  limitBytes?: number;
  onEvicted?: OnEvicted;
}

/** Opens or makes a cache, clearing what an earlier life left unfinished. Throws exhausted, unavailable (`disk-error`). */
export async function openTreeCache({ directory, ...options }: TreeCacheOptions): Promise<TreeCache> {
  try {
    const folders = {
      blobs: join(directory, "blobs"),
      trees: join(directory, "trees"),
      temporary: join(directory, "tmp"),
    };
    mkdirSync(directory, { recursive: true });
    await rm(folders.temporary, { recursive: true, force: true });
    for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
    makeBlobFolders(folders.blobs);
    const suspectBeforeMs = await noticeReboot({ directory, ...folders });
    const holds = new CacheHolds();
    const space = new CacheSpace({ directory, ...folders, ...options, holds });
    const onPublished = (bytes: number): void => space.added(bytes);
    const blobs = new BlobFolder({ ...folders, suspectBeforeMs, onPublished });
    return new DiskTreeCache({ directory, trees: folders.trees, blobs, holds, space });
  } catch (error) {
    throw diskError(error, directory);
  }
}

class DiskTreeCache implements TreeCache {
  readonly #directory: string;
  readonly #trees: string;
  readonly #blobs: BlobFolder;
  readonly #holds: CacheHolds;
  readonly #space: CacheSpace;
  /** Work in progress by what it makes, so that everybody who wants it waits for the same. */
  readonly #making = new SharedWork<string>();
  /** Blobs being fetched, so that two trees do not fetch one twice; resolves when it is here or has failed. */
  readonly #fetching = new Map<Digest, Promise<void>>();

  constructor(given: { directory: string; trees: string; blobs: BlobFolder; holds: CacheHolds; space: CacheSpace }) {
    this.#directory = given.directory;
    this.#trees = given.trees;
    this.#blobs = given.blobs;
    this.#holds = given.holds;
    this.#space = given.space;
  }

  async ensureTree(digest: Digest, transport: TreeTransport, options: TransferOptions = {}): Promise<string> {
    const path = this.#treePath(digest);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) {
      markUsed(path, stats);
      return path;
    }
    return this.#once(`tree ${digest}`, {
      options,
      make: (shared) => this.#makeTree(digest, { transport, options: shared }),
    });
  }

  async ensureFile(
    file: { digest: Digest; executable: boolean },
    transport: TreeTransport,
    options: TransferOptions = {},
  ): Promise<string> {
    checkDigest(file.digest);
    const path = this.#blobs.pathOf(file);
    const make = async (shared: TransferOptions): Promise<string> => {
      const here = await this.#blobs.findEitherForm({ digest: file.digest, executable: file.executable });
      if (here !== undefined) {
        markUsed(here, statSync(here));
        return here;
      }
      const read = async (): Promise<Contents> => {
        const { sources, sizeBytes } = await readFilePlace(file.digest, transport);
        return { files: [{ ...file, sizeBytes }], sources };
      };
      await this.#ensureBlobs(await read(), { read, options: shared });
      return path;
    };
    return this.#once(`file ${path}`, {
      options,
      make: (shared) => this.#gathering([file], () => make(shared)),
    });
  }

  async adopt({ path, ...file }: { path: string; digest: Digest; executable: boolean }): Promise<string> {
    checkDigest(file.digest);
    try {
      const kept = await this.#withRoom(() => this.#blobs.adopt(file, path));
      markUsed(kept, statSync(kept));
      return kept;
    } catch (error) {
      const cause = error instanceof SpellError ? error.cause : error;
      if (errnoOf(cause) === "ENOENT") throw notFound(`${path} is gone.`);
      throw error;
    }
  }

  async keepNodes(nodes: ReadonlyMap<Digest, Uint8Array>): Promise<void> {
    let kept = 0;
    for (const [digest, bytes] of nodes) {
      if (digestOf(bytes) !== digest)
        throw new SpellError("internal", `A node was given the name ${digest} of another.`);
      if ((kept += 1) % NODES_PER_TURN === 0) await nextTurn();
      if (this.#blobs.has(digest)) continue;
      await this.#withRoom(() => Promise.resolve(this.#blobs.publishBytes({ digest, executable: false }, bytes)));
    }
  }

  hasBlob(digest: Digest): boolean {
    checkDigest(digest);
    return this.#blobs.has(digest);
  }

  hold(holder: string, contents: HeldContents): void {
    this.#holds.hold(holder, contents);
  }

  release(holder: string): void {
    this.#holds.release(holder);
  }

  async trim(): Promise<void> {
    try {
      await this.#space.makeRoom(0);
    } catch (error) {
      throw diskError(error, this.#directory);
    }
  }

  async size(): Promise<CacheSize> {
    try {
      return await this.#space.size();
    } catch (error) {
      throw diskError(error, this.#directory);
    }
  }

  #treePath(digest: Digest): string {
    checkDigest(digest);
    return join(this.#trees, digest);
  }

  async #makeTree(root: Digest, given: { transport: TreeTransport; options: TransferOptions }): Promise<string> {
    const { transport, options } = given;
    const here = await this.#readHere(root);
    if (here !== undefined) {
      const made = await this.#gathering(here.files, async () =>
        (await this.#findMissing(here.files)).size === 0 ? this.#layOut(root, here, options) : undefined,
      );
      if (made !== undefined) return made;
    }
    const contents = await readTree(root, transport);
    return this.#gathering(contents.files, async () => {
      await this.#ensureBlobs(contents, { read: () => readTree(root, transport), options });
      return this.#layOut(root, contents, options);
    });
  }

  /** A tree that was made on this machine, of which no node has left the cache. */
  async #readHere(root: Digest): Promise<Pick<TreeContents, "nodes" | "files"> | undefined> {
    if (!this.#blobs.has(root)) return undefined;
    try {
      return await collect(root, (digest) => this.#blobs.read(digest));
    } catch (error) {
      if (error instanceof SpellError && error.reason === "no-node") return undefined;
      throw error;
    }
  }

  async #layOut(root: Digest, contents: Pick<TreeContents, "nodes">, options: TransferOptions): Promise<string> {
    const target = this.#blobs.temporaryPath();
    await materialise({ root, nodes: contents.nodes, blobs: this.#blobs, target, signal: options.signal });
    const path = this.#treePath(root);
    try {
      await rename(target, path);
    } catch (error) {
      await rm(target, { recursive: true, force: true });
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    }
    return path;
  }

  /** Sees to it that all these files are here; `read` gives their places anew, with fresh URLs. */
  async #ensureBlobs(
    contents: Contents,
    { read, options }: { read: () => Promise<Contents>; options: TransferOptions },
  ): Promise<void> {
    let { sources } = contents;
    let missing = await this.#findMissing(contents.files);
    const evicting = missing.size === 0 ? undefined : this.#space.makeRoom(takenTogether(missing.values()));
    if (evicting !== undefined) {
      await evicting;
      missing = await this.#findMissing(contents.files);
    }
    while (missing.size > 0) {
      const others = [...missing.keys()].flatMap((digest) => this.#fetching.get(digest) ?? []);
      const mine = new Set([...missing.keys()].filter((digest) => !this.#fetching.has(digest)));
      const isExpired = await this.#fetch({ mine, missing, sources, options });
      await Promise.all(others);
      const left = await this.#findMissing(contents.files);
      // What others failed to fetch is tried by ourselves; what we fetched ourselves must be here now.
      const lost = isExpired ? undefined : [...left.keys()].find((digest) => mine.has(digest));
      if (lost !== undefined) throw this.#lost(lost);
      if (isExpired) {
        if (left.size === missing.size) throw this.#refused();
        ({ sources } = await read());
      }
      missing = left;
    }
  }

  /** Fetches blobs that nobody else is fetching; true when the URLs ran out before the end. */
  async #fetch(given: {
    mine: ReadonlySet<Digest>;
    missing: ReadonlyMap<Digest, BlobFile>;
    sources: readonly ObjectSource[];
    options: TransferOptions;
  }): Promise<boolean> {
    const { mine, missing, sources, options } = given;
    if (mine.size === 0) return false;
    const done = Promise.withResolvers<void>();
    for (const digest of mine) this.#fetching.set(digest, done.promise);
    try {
      for (const file of missing.values()) {
        if (file.sizeBytes === 0 && mine.has(file.digest)) this.#publishEmpty(file.digest);
      }
      const request = { sources, wanted: mine, folder: this.#blobs, folderPath: this.#directory, options };
      await downloadBlobs(request);
      return false;
    } catch (error) {
      if (error instanceof UrlsExpiredError) return true;
      throw error;
    } finally {
      for (const digest of mine) this.#fetching.delete(digest);
      done.resolve();
    }
  }

  #publishEmpty(digest: Digest): void {
    const bytes = new Uint8Array();
    if (digestOf(bytes) === digest) this.#blobs.publishBytes({ digest, executable: false }, bytes);
  }

  /** By digest, so that a blob wanted in both forms is fetched once. */
  async #findMissing(files: readonly BlobFile[]): Promise<Map<Digest, BlobFile>> {
    const missing = new Map<Digest, BlobFile>();
    for (const file of files) {
      if ((await this.#blobs.findEitherForm(file)) === undefined) missing.set(file.digest, file);
    }
    return missing;
  }

  #once(
    what: string,
    { options, make }: { options: TransferOptions; make: (shared: TransferOptions) => Promise<string> },
  ): Promise<string> {
    return this.#making.join(what, {
      signal: options.signal,
      make: (signal) => this.#withRoom(() => make({ ...options, signal })),
    });
  }

  /** Does it again, once, when the disk was full and something could leave the cache. */
  async #withRoom<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const problem = diskError(error, this.#directory);
      if (!isDiskFull(problem)) throw problem;
      await this.#space.makeRoomOnDisk();
    }
    try {
      return await work();
    } catch (error) {
      throw fullInSpiteOfAll(diskError(error, this.#directory), this.#directory);
    }
  }

  /** Nothing of this leaves the cache while the work goes on. */
  async #gathering<T>(files: readonly BlobFile[], work: () => Promise<T>): Promise<T> {
    const end = this.#holds.gather(files.map(({ digest }) => digest));
    try {
      return await work();
    } finally {
      end();
    }
  }

  #lost(digest: Digest): SpellError {
    const message = `The bytes of ${digest} are not where the coordinator says they lie, or have another size.`;
    return new SpellError("data-loss", message, { reason: "wrong-bytes" });
  }

  #refused(): SpellError {
    const message = "The object store refused the coordinator's URLs. Check that the clocks of both are right.";
    return new SpellError("unavailable", message, { reason: "object-store-refused" });
  }
}

interface Contents {
  files: readonly BlobFile[];
  sources: readonly ObjectSource[];
}

const NODES_PER_TURN = 64;
/** Disks give space in blocks. */
const BLOCK_BYTES = 4096;

function takenTogether(files: Iterable<BlobFile>): number {
  let sum = 0;
  for (const { sizeBytes = 0 } of files) sum += Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  return sum;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof SpellError && error.reason === "disk-full";
}

function fullInSpiteOfAll(error: unknown, directory: string): unknown {
  if (!isDiskFull(error)) return error;
  const message =
    `There is no space left on the disk of ${quoted(directory)}, also after the cache there was made smaller. ` +
    "Free some there, or give the agent a data folder on a larger disk.";
  return new SpellError("exhausted", message, { reason: "disk-full", cause: error });
}

/** A digest becomes part of a path: it is checked here whatever the type says, for it came from another process. */
function checkDigest(digest: Digest): void {
  if (!isDigest(digest)) throw new SpellError("internal", `"${String(digest)}" is not a digest.`);
}

/**
 * Compares the machine's boot with that of the last opening. After another one, trees are dropped and the time is
 * given before which blobs were published that may have lost bytes. Unix time, milliseconds.
 */
async function noticeReboot(given: { directory: string; trees: string; temporary: string }): Promise<number> {
  const stateFile = join(given.directory, "state.json");
  const boot = bootId();
  const state = readState(stateFile);
  if (state?.bootId === boot) return state.suspectBeforeMs;
  if (state !== undefined) {
    const old = join(given.temporary, "trees");
    renameSync(given.trees, old);
    mkdirSync(given.trees);
    await rm(old, { recursive: true, force: true });
  }
  const suspectBeforeMs = state === undefined ? 0 : Date.now();
  writeFileSync(`${stateFile}.new`, JSON.stringify({ bootId: boot, suspectBeforeMs }));
  renameSync(`${stateFile}.new`, stateFile);
  return suspectBeforeMs;
}

function readState(path: string): { bootId: string; suspectBeforeMs: number } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { bootId, suspectBeforeMs } = JSON.parse(text) as Record<string, unknown>;
    if (typeof bootId === "string" && typeof suspectBeforeMs === "number") return { bootId, suspectBeforeMs };
  } catch {
    // Damaged itself: certainly another boot.
  }
  return { bootId: "", suspectBeforeMs: 0 };
}
