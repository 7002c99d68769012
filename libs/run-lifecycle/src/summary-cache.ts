/** What trees committed or measured lately amount to: naming one, or showing its size, need not walk all of it once more. */
import type { Digest } from "@spell/domain";
import type { TreeSummary } from "@spell/spellfs";

const MAX_TREES = 10_000;

/** A summary follows from the digest alone, so none is ever out of date. The least recently used leaves first. */
export class SummaryCache {
  readonly #summaries = new Map<Digest, TreeSummary>();

  get(digest: Digest): TreeSummary | undefined {
    const summary = this.#summaries.get(digest);
    if (summary !== undefined) this.#put(digest, summary);
    return summary;
  }

  /** Copies what belongs to a summary: whoever checked a tree has its files and folders in the same object. */
  set(digest: Digest, summary: TreeSummary): void {
    const { fileCount, directoryCount, totalBytes, height, pathBytes, climb, climbPath } = summary;
    this.#put(digest, { fileCount, directoryCount, totalBytes, height, pathBytes, climb, climbPath });
    const [oldest] = this.#summaries.keys();
    if (this.#summaries.size > MAX_TREES && oldest !== undefined) this.#summaries.delete(oldest);
  }

  #put(digest: Digest, summary: TreeSummary): void {
    this.#summaries.delete(digest);
    this.#summaries.set(digest, summary);
  }
}
