/** Which of many things use which blobs: eight bytes for each blob, and the digests of all trees, however many things there are. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { NumberedBlob, RunStore, TreeReference } from "@spell/run-store";
import { decodeNode } from "@spell/spellfs";
import { readNode } from "../read-node.ts";
import { isLoss } from "./check-trees.ts";
import type { StoreItem } from "./measure-store.ts";

const NAMES = 500;
/** In the place of an owner: several use it. */
const SHARED = -1;

type Key = Pick<StoreItem, "kind" | "owner" | "name">;

export class Attribution {
  readonly #deps: { store: RunStore; objects: ObjectStore };
  readonly #lastId: number;
  /** The only item that uses a blob so far, from 1; 0: none. */
  readonly #owner: Int32Array;
  /** The item that saw a blob last: each is counted once for each item. */
  readonly #seen: Int32Array;
  /** What each item names, by the digest. */
  readonly #named = new Map<string, { item: StoreItem; trees: Map<Digest, boolean> }>();
  readonly #items: StoreItem[] = [];
  #looked = 0;
  /** Of all items together, each blob once. */
  usedBytes = 0;

  constructor(deps: { store: RunStore; objects: ObjectStore }, lastId: number) {
    this.#deps = deps;
    this.#lastId = lastId;
    this.#owner = new Int32Array(lastId + 1);
    this.#seen = new Int32Array(lastId + 1);
  }

  items(): StoreItem[] {
    return this.#items;
  }

  /** The item names a tree or file. */
  add(key: Key, { digest, isFile }: TreeReference): void {
    const text = JSON.stringify([key.kind, key.owner, key.name]);
    let named = this.#named.get(text);
    if (named === undefined) {
      named = { item: { ...key, ownBytes: 0, sharedBytes: 0 }, trees: new Map() };
      this.#named.set(text, named);
      this.#items.push(named.item);
    }
    named.trees.set(digest, isFile);
  }

  /** Counts, one item after the other; gives how many blobs were looked at. */
  async *count(): AsyncGenerator<number, void, undefined> {
    const all = [...this.#named.values()].map(({ item, trees }, index) => ({ item, trees, number: index + 1 }));
    // What others name is not unnamed.
    const inOrder = [...all.filter(({ item }) => !isRest(item)), ...all.filter(({ item }) => isRest(item))];
    for (const { trees, number } of inOrder) {
      for (const [digest, isFile] of trees) yield* this.#countTree(number, { digest, isFile });
    }
  }

  async *#countTree(
    number: number,
    { digest, isFile }: Pick<TreeReference, "digest" | "isFile">,
  ): AsyncGenerator<number, void, undefined> {
    const waiting = (await this.#find([{ digest, isFile }])).filter((blob) => this.#countBlob(blob, number));
    const open = isFile ? [] : waiting;
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      const named = (await this.#entries(node)).flatMap((entry) => (entry.kind === "symlink" ? [] : [entry]));
      for (let start = 0; start < named.length; start += NAMES) {
        if (start > 0) await nextTurn();
        const part = named.slice(start, start + NAMES);
        const folders = new Set(part.filter(({ kind }) => kind === "directory").map((entry) => entry.digest));
        for (const blob of await this.#deps.store.garbage.findByDigest(part.map((entry) => entry.digest))) {
          if (this.#countBlob(blob, number) && folders.has(blob.digest)) open.push(blob);
        }
      }
      yield this.#looked;
    }
  }

  /** Whether this item had not seen the blob before. */
  #countBlob({ id, sizeBytes }: NumberedBlob, number: number): boolean {
    const item = this.#items[number - 1];
    if (id > this.#lastId || item === undefined || this.#seen[id] === number) return false;
    this.#seen[id] = number;
    this.#looked += 1;
    const owner = this.#owner[id] ?? 0;
    if (owner === number) return true;
    if (owner === 0) {
      this.#owner[id] = number;
      item.ownBytes += sizeBytes;
      this.usedBytes += sizeBytes;
      return true;
    }
    if (isRest(item)) return false;
    const first = this.#items[owner - 1];
    if (owner !== SHARED && first !== undefined) {
      first.ownBytes -= sizeBytes;
      first.sharedBytes += sizeBytes;
      this.#owner[id] = SHARED;
    }
    item.sharedBytes += sizeBytes;
    return true;
  }

  async #find(references: readonly Pick<TreeReference, "digest" | "isFile">[]): Promise<NumberedBlob[]> {
    const found = await this.#deps.store.garbage.findByDigest(references.map(({ digest }) => digest));
    return found.filter(({ isNode }, index) => references[index]?.isFile === true || isNode);
  }

  /** What is lost takes no space; a check names it. */
  async #entries(node: NumberedBlob): Promise<ReturnType<typeof decodeNode>> {
    try {
      return decodeNode(await readNode(this.#deps.objects, node));
    } catch (error) {
      if (isLoss(error)) return [];
      throw error;
    }
  }
}

/** Whether it has only what nothing else uses. */
function isRest({ kind }: StoreItem): boolean {
  return kind === "unnamed";
}
