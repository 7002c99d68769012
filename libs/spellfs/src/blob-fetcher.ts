/** Brings blobs into a cache, each once however many trees want it at the same time. */
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { blocksOf } from "./blob-folder.ts";
import type { BlobFile, BlobFolder, FirstPlace } from "./blob-folder.ts";
import type { CacheSpace } from "./cache-space.ts";
import { UrlsExpiredError } from "./download-errors.ts";
import { downloadBlobs } from "./download.ts";
import { digestOf } from "./node.ts";
import { Pace } from "./pace.ts";
import type { TransferOptions } from "./transfer.ts";
import type { ObjectSource } from "./transport.ts";

/** What is needed, and where the store keeps it. */
export interface Contents {
  files: readonly BlobFile[];
  sources: readonly ObjectSource[];
}

/** How blobs are fetched. */
export interface FetchOptions {
  /** Gives their places anew, with fresh URLs. */
  read: () => Promise<Contents>;
  /** Told what has to be fetched, before anything is. */
  onMissing?: (missing: ReadonlyMap<Digest, BlobFile>) => Promise<void>;
  /** Where the first name of a blob is wanted. */
  takePlace?: (digest: Digest) => FirstPlace | undefined;
  options: TransferOptions;
}

export class BlobFetcher {
  readonly #blobs: BlobFolder;
  readonly #directory: string;
  readonly #space: CacheSpace;
  /** Blobs being fetched, so that two trees do not fetch one twice; resolves when it is here or has failed. */
  readonly #fetching = new Map<Digest, Promise<void>>();

  constructor(given: { blobs: BlobFolder; directory: string; space: CacheSpace }) {
    this.#blobs = given.blobs;
    this.#directory = given.directory;
    this.#space = given.space;
  }

  /**
   * Sees to it that all these blobs are here, each in one form at least. Whoever asks keeps them from leaving meanwhile. Throws
   * data-loss, exhausted, unavailable.
   */
  async ensure(contents: Contents, fetch: FetchOptions): Promise<void> {
    // Looked for only once the size of the cache is known: what is here then cannot leave any more.
    await this.#space.size();
    let { sources } = contents;
    let missing = await this.findMissing(contents.files);
    if (missing.size > 0) await this.#space.makeRoom(takenTogether(missing.values()));
    await fetch.onMissing?.(missing);
    while (missing.size > 0) {
      const theirs = [...missing.keys()].flatMap((digest) => this.#fetching.get(digest) ?? []);
      const mine = new Set([...missing.keys()].filter((digest) => !this.#fetching.has(digest)));
      const before = missing.size;
      const isExpired = await this.#fetch({ mine, missing, sources, fetch });
      await Promise.all(theirs);
      // What we fetched ourselves must be here now; what others failed to fetch is tried by ourselves.
      const lost = isExpired ? undefined : [...missing.keys()].find((digest) => mine.has(digest));
      if (lost !== undefined) throw lostBlob(lost);
      missing = await this.findMissing([...missing.values()]);
      if (!isExpired) continue;
      if (missing.size === before) throw refused();
      ({ sources } = await fetch.read());
    }
  }

  /** By digest, so that a blob wanted in both forms is fetched once. */
  async findMissing(files: readonly BlobFile[]): Promise<Map<Digest, BlobFile>> {
    const missing = new Map<Digest, BlobFile>();
    const pace = new Pace();
    for (const file of files) {
      if (pace.isOver) await pace.rest();
      if (!(await this.#blobs.hasEitherForm(file))) missing.set(file.digest, file);
    }
    return missing;
  }

  /** Fetches blobs that nobody else is fetching, and strikes them off; true when the URLs ran out before the end. */
  async #fetch(given: {
    mine: ReadonlySet<Digest>;
    missing: Map<Digest, BlobFile>;
    sources: readonly ObjectSource[];
    fetch: FetchOptions;
  }): Promise<boolean> {
    const { mine, missing, sources, fetch } = given;
    if (mine.size === 0) return false;
    const done = Promise.withResolvers<void>();
    for (const digest of mine) this.#fetching.set(digest, done.promise);
    try {
      this.#publishEmpty(given);
      await downloadBlobs({
        ...{ sources, wanted: mine, folder: this.#blobs, folderPath: this.#directory },
        takePlace: fetch.takePlace,
        onPublished: ({ digest, sizeBytes }) => {
          // Of another size than the tree says it is not what was wanted.
          if (missing.get(digest)?.sizeBytes === sizeBytes) missing.delete(digest);
        },
        options: fetch.options,
      });
      return false;
    } catch (error) {
      if (error instanceof UrlsExpiredError) return true;
      throw error;
    } finally {
      for (const digest of mine) this.#fetching.delete(digest);
      done.resolve();
    }
  }

  /** No store is asked for what has no bytes. */
  #publishEmpty({ mine, missing }: { mine: ReadonlySet<Digest>; missing: Map<Digest, BlobFile> }): void {
    if (!mine.has(EMPTY) || missing.get(EMPTY)?.sizeBytes !== 0) return;
    this.#blobs.publishBytes({ digest: EMPTY, executable: false }, NOTHING);
    missing.delete(EMPTY);
  }
}

const NOTHING = new Uint8Array();
const EMPTY = digestOf(NOTHING);

function takenTogether(files: Iterable<BlobFile>): number {
  let sum = 0;
  for (const { sizeBytes = 0 } of files) sum += blocksOf(sizeBytes);
  return sum;
}

function lostBlob(digest: Digest): SpellError {
  const message = `The bytes of ${digest} are not where the coordinator says they lie, or have another size.`;
  return new SpellError("data-loss", message, { reason: "wrong-bytes" });
}

function refused(): SpellError {
  const message = "The object store refused the coordinator's URLs. Check that the clocks of both are right.";
  return new SpellError("unavailable", message, { reason: "object-store-refused" });
}
