/**
 * The agent's cache of trees and blobs on its disk: what a run needs is fetched once and then shared, read-only, by every
 * run that uses it; what a run wrote is moved in, so that the next stage on this machine copies nothing.
 *
 *     blobs/<aa>/<sha256>[.x]   one file per blob and form (see blob-folder.ts)
 *     trees/<sha256>/           whole trees, their files hard links to blobs; never written again
 *     tmp/                      everything unfinished; cleared when the cache is opened
 *
 * A name below `blobs` or `trees` appears by rename or link when the thing is complete, so a crash at any instant leaves only
 * leftovers in `tmp`. One process owns a cache at a time.
 */
import { mkdirSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SpellError, isDigest, notFound } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { BlobFetcher } from "./blob-fetcher.ts";
import type { Contents } from "./blob-fetcher.ts";
import { BlobFolder, makeBlobFolders } from "./blob-folder.ts";
import type { BlobFile } from "./blob-folder.ts";
import { CacheHolds } from "./cache-holds.ts";
import type { HeldContents } from "./cache-holds.ts";
import { withRoom } from "./cache-room.ts";
import { CacheSpace } from "./cache-space.ts";
import type { CacheSize, OnEvicted } from "./cache-space.ts";
import { noticeReboot } from "./cache-state.ts";
import { markUsed } from "./cache-survey.ts";
import { diskError, errnoOf } from "./disk.ts";
import { digestOf } from "./node.ts";
import { collect, readFilePlace, readTree } from "./read-tree.ts";
import type { TreeContents } from "./read-tree.ts";
import { sendBlobs } from "./send-blobs.ts";
import type { HeldBlob } from "./send-blobs.ts";
import { SharedWork } from "./shared-work.ts";
import type { TransferOptions } from "./transfer.ts";
import type { TreeTransport } from "./transport.ts";
import { nodesOfTrees } from "./tree-nodes.ts";
import { TreeLayout } from "./tree-layout.ts";

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
  /**
   * Those of the blobs that are here, with their sizes on the disk; their bytes are not looked at. Of `nodes` also those of trees that
   * are here: they are made anew, without reading a file, and kept as blobs from then on.
   */
  findBlobs(digests: readonly Digest[], options?: { nodes: boolean }): Promise<HeldBlob[]>;
  /**
   * Puts blobs into one object, end to end, hashing them on the way; gives all of them. When one is not here or not sound, nothing is
   * put, and those are given that are. Throws unavailable.
   */
  sendBlobs(
    digests: readonly Digest[],
    target: { putUrl: string; onBytes?: () => void },
    options?: TransferOptions,
  ): Promise<HeldBlob[]>;
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
  readonly #fetcher: BlobFetcher;
  /** Work in progress by what it makes, so that everybody who wants it waits for the same. */
  readonly #making = new SharedWork<string>();

  constructor(given: { directory: string; trees: string; blobs: BlobFolder; holds: CacheHolds; space: CacheSpace }) {
    this.#directory = given.directory;
    this.#trees = given.trees;
    this.#blobs = given.blobs;
    this.#holds = given.holds;
    this.#space = given.space;
    this.#fetcher = new BlobFetcher(given);
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
      await this.#fetcher.ensure(await read(), { read, options: shared });
      return (await this.#blobs.findEitherForm(file)) ?? path;
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

  async findBlobs(digests: readonly Digest[], { nodes } = { nodes: false }): Promise<HeldBlob[]> {
    const found = this.#locateAll(digests);
    if (!nodes || found.length === digests.length) return found;
    const wanted = new Set(digests.filter((digest) => !this.#blobs.has(digest)));
    for await (const made of nodesOfTrees({ blobs: join(this.#directory, "blobs"), trees: this.#trees })) {
      // All of the tree: what lies below a lost folder is asked for next.
      if ([...wanted].some((digest) => made.has(digest))) await this.keepNodes(made);
      for (const digest of made.keys()) wanted.delete(digest);
      if (wanted.size === 0) break;
    }
    return this.#locateAll(digests);
  }

  #locateAll(digests: readonly Digest[]): HeldBlob[] {
    return digests.flatMap((digest) => {
      checkDigest(digest);
      const found = this.#blobs.locate(digest);
      return found === undefined ? [] : { digest, sizeBytes: found.sizeBytes };
    });
  }

  async sendBlobs(
    digests: readonly Digest[],
    target: { putUrl: string; onBytes?: () => void },
    options: TransferOptions = {},
  ): Promise<HeldBlob[]> {
    digests.forEach(checkDigest);
    const files = digests.map((digest) => ({ digest, executable: false }));
    return this.#gathering(files, () => sendBlobs(this.#blobs, { digests, ...target, options }));
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
      const made = await this.#gathering(here.files, async () => {
        if ((await this.#fetcher.findMissing(here.files)).size > 0) return undefined;
        return this.#layOut(root, { nodes: here.nodes, options, bring: (layout) => layout.begin(new Map()) });
      });
      if (made !== undefined) return made;
    }
    const contents = await readTree(root, transport);
    const bring = (layout: TreeLayout): Promise<void> =>
      this.#fetcher.ensure(contents, {
        read: () => readTree(root, transport),
        onMissing: (missing) => layout.begin(missing),
        takePlace: (digest) => layout.takePlace(digest),
        options,
      });
    return this.#gathering(contents.files, () => this.#layOut(root, { nodes: contents.nodes, options, bring }));
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

  /** `bring` begins the layout and sees to it that all blobs are here. */
  async #layOut(
    root: Digest,
    given: {
      nodes: TreeContents["nodes"];
      options: TransferOptions;
      bring: (layout: TreeLayout) => Promise<void>;
    },
  ): Promise<string> {
    const { nodes, options, bring } = given;
    const target = this.#blobs.temporaryPath();
    const layout = new TreeLayout({ root, nodes, blobs: this.#blobs, target, signal: options.signal });
    const path = this.#treePath(root);
    try {
      await bring(layout);
      await layout.complete();
      await rename(target, path).catch((error: unknown) => {
        // Somebody was quicker.
        if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
        return layout.discard();
      });
    } catch (error) {
      await layout.discard();
      throw error;
    }
    return path;
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

  #withRoom<T>(work: () => Promise<T>): Promise<T> {
    return withRoom({ space: this.#space, directory: this.#directory }, work);
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
}

const NODES_PER_TURN = 64;
/** A digest becomes part of a path: it is checked here whatever the type says, for it came from another process. */
function checkDigest(digest: Digest): void {
  if (!isDigest(digest)) throw new SpellError("internal", `"${String(digest)}" is not a digest.`);
}
