/** Directory nodes read lately, so that creating a run that mounts something costs no read of the object store. */
import type { Digest } from "@spell/domain";

const MAX_BYTES = 64 * 1024 * 1024;

/** Least recently used leaves first; bounded by bytes. */
export class NodeCache {
  readonly #nodes = new Map<Digest, Uint8Array>();
  #bytes = 0;

  get(digest: Digest): Uint8Array | undefined {
    const bytes = this.#nodes.get(digest);
    if (bytes !== undefined) {
      this.#nodes.delete(digest);
      this.#nodes.set(digest, bytes);
    }
    return bytes;
  }

  set(digest: Digest, bytes: Uint8Array): void {
    if (this.#nodes.has(digest)) return;
    this.#nodes.set(digest, bytes);
    this.#bytes += bytes.byteLength;
    for (const [oldest, node] of this.#nodes) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#nodes.delete(oldest);
      this.#bytes -= node.byteLength;
    }
  }
}
