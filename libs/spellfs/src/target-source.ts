/** Hands out places for objects, asking for more as they are used: presigned URLs expire, so none is kept for long. */
import { SpellError, conflict } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { TreeTransport, UploadTarget } from "./transport.ts";

const MOST_AT_ONCE = 64;

/** Reason of the error when the tree has become known meanwhile. */
export const TREE_KNOWN = "tree-known";

/** Where the next object of one upload goes. */
export class TargetSource {
  readonly #transport: TreeTransport;
  /** A digest that the store lacks until the tree is committed: places are only given when something is missing. */
  readonly #digest: Digest;
  #ready: UploadTarget[];
  /** How many more the upload is expected to need. */
  #wanted: number;
  #asking: Promise<void> | undefined;

  constructor(given: { transport: TreeTransport; targets: readonly UploadTarget[]; wanted: number; digest: Digest }) {
    this.#transport = given.transport;
    this.#digest = given.digest;
    this.#ready = [...given.targets];
    this.#wanted = given.wanted;
  }

  /** A place that nobody else was given. Throws what the transport throws. */
  async next(): Promise<UploadTarget> {
    for (;;) {
      const target = this.#ready.shift();
      if (target !== undefined) {
        this.#wanted -= 1;
        return target;
      }
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
  }

  async #ask(): Promise<void> {
    const targets = Math.min(MOST_AT_ONCE, Math.max(1, this.#wanted));
    const answer = await this.#transport.findMissing({ digests: [this.#digest], targets, nodes: 1 });
    if (answer.missing.length === 0) throw conflict("Somebody else has just uploaded this tree.", TREE_KNOWN);
    if (answer.targets.length === 0) {
      throw new SpellError("unavailable", "The coordinator gave no place to upload to. Try again.");
    }
    this.#ready.push(...answer.targets);
  }
}
