/** What trees committed or measured lately amount to: naming one, or showing its size, need not walk all of it once more. */
import type { Digest } from "@spell/domain";
import type { TreeSummary } from "@spell/spellfs";
import { LRUCache } from "lru-cache";

const MAX_TREES = 10_000;

/** A summary follows from the digest alone, so none is ever out of date. The least recently used leaves first. */
export class SummaryCache {
  readonly #summaries = new LRUCache<Digest, TreeSummary>({ max: MAX_TREES });

  get(digest: Digest): TreeSummary | undefined {
    return this.#summaries.get(digest);
  }

  /** Copies what belongs to a summary: whoever checked a tree has its files and folders in the same object. */
  set(digest: Digest, summary: TreeSummary): void {
    const { fileCount, directoryCount, totalBytes, height, pathBytes, climb, climbPath } = summary;
    this.#summaries.set(digest, { fileCount, directoryCount, totalBytes, height, pathBytes, climb, climbPath });
  }
}
