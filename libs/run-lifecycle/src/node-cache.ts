/** Directory nodes read lately, so that creating a run that mounts something costs no read of the object store. */
import type { Digest } from "@spell/domain";
import { LRUCache } from "lru-cache";

const MAX_BYTES = 64 * 1024 * 1024;

/** Least recently used leaves first; bounded by bytes. */
export class NodeCache {
  readonly #nodes = new LRUCache<Digest, Uint8Array>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ byteLength }) => byteLength,
  });

  get(digest: Digest): Uint8Array | undefined {
    return this.#nodes.get(digest);
  }

  set(digest: Digest, bytes: Uint8Array): void {
    this.#nodes.set(digest, bytes);
  }
}
