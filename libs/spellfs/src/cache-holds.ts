/** What must stay in a cache whatever its size: what attempts use, and what is being gathered for a tree in the making. */
import type { Digest } from "@spell/domain";

/** Trees and blobs by digest. */
export interface HeldContents {
  trees: readonly Digest[];
  blobs: readonly Digest[];
}

/** Kept in memory alone: an agent that was started again holds anew what its journals name, before anything is removed. */
export class CacheHolds {
  readonly #byHolder = new Map<string, HeldContents>();
  readonly #gathered = new Map<Digest, number>();
  /** Counts up whenever something may be removed that had to stay before. */
  #releases = 0;

  get releases(): number {
    return this.#releases;
  }

  /** Keeps this for the holder, in place of what it held before. */
  hold(holder: string, contents: HeldContents): void {
    this.#byHolder.set(holder, contents);
  }

  /** Idempotent. */
  release(holder: string): void {
    if (this.#byHolder.delete(holder)) this.#releases += 1;
  }

  /** Keeps blobs until the function that is given back is called. */
  gather(digests: readonly Digest[]): () => void {
    for (const digest of digests) this.#gathered.set(digest, (this.#gathered.get(digest) ?? 0) + 1);
    return () => {
      for (const digest of digests) {
        const count = (this.#gathered.get(digest) ?? 0) - 1;
        if (count > 0) this.#gathered.set(digest, count);
        else this.#gathered.delete(digest);
      }
    };
  }

  holdsTree(digest: string): boolean {
    return [...this.#byHolder.values()].some(({ trees }) => trees.some((tree) => tree === digest));
  }

  holdsBlob(digest: string): boolean {
    if (this.#gathered.has(digest as Digest)) return true;
    return [...this.#byHolder.values()].some(({ blobs }) => blobs.some((blob) => blob === digest));
  }
}
