/** Trees as the coordinator keeps them: which blobs are known, where they lie, and what a path in a tree names. */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import { SpellError, invalidInput, notFound } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { BlobLocation, CommittedTree, NewBlob, RunStore } from "@spell/run-store";
import {
  INLINE_PACK_BYTES,
  buildPack,
  checkTree,
  decodeNode,
  digestOf,
  encodeNode,
  findPath,
  followPath,
} from "@spell/spellfs";
import type {
  FollowedPath,
  InlinePack,
  ObjectSource,
  StoredObject,
  TreeCommit,
  TreeEntry,
  TreeSummary,
  UploadTarget,
} from "@spell/spellfs";
import { PACK_PREFIX, checkPut } from "./check-put.ts";
import { Claims, isKnown } from "./claims.ts";
import type { FalseClaim } from "./claims.ts";
import { NodeCache } from "./node-cache.ts";
import { readBlob } from "./read-blob.ts";
import { readNode } from "./read-node.ts";
import { SummaryCache } from "./summary-cache.ts";
import { partsOf } from "./tree-parts.ts";

/** Lifetime of the URLs handed out, seconds. */
export const URL_SECONDS = 3_600;
/** A client asks about so many nodes at once first: of a tree that is known it asks about no more. */
const MOST_RENEWED = 48;

/** Who brings a tree. */
export interface Committer {
  /** Whose tree it is; what this user claims counts for it. Absent: only what all know. */
  userName?: string;
  /** His word on what an object holds is not enough. */
  isClaimant: boolean;
  /** The attempt whose agent it is. */
  heldBy?: CommittedTree["heldBy"];
}

/** This coordinator, of what it has put itself. */
const COORDINATOR: Committer = { isClaimant: false };

export class TreeCatalog {
  readonly #store: RunStore;
  readonly #objects: ObjectStore;
  readonly #cache = new NodeCache();
  readonly #summaries = new SummaryCache();
  readonly #claims: Claims;
  readonly #now: () => number;

  constructor(
    store: RunStore,
    objects: ObjectStore,
    now: () => number = Date.now,
    onFalseClaim: (claim: FalseClaim) => void = () => undefined,
  ) {
    this.#store = store;
    this.#objects = objects;
    this.#now = now;
    this.#claims = new Claims({ store, objects, onFalseClaim });
  }

  /**
   * Which blobs this committer has to put, and places for them. What is known in full counts as committed now. `nodes`: so many of the
   * digests, the first ones, are directory nodes.
   */
  async findMissing(
    digests: readonly Digest[],
    targets: number,
    options: { committer?: Committer; nodes?: number } = {},
  ): Promise<{ missing: Digest[]; targets: UploadTarget[] }> {
    const { committer = COORDINATOR, nodes = 0 } = options;
    const known = await this.#claims.knownTo(committer.userName, await this.#store.findBlobs(digests));
    // Else a file of a folder's bytes would keep everybody from committing that folder.
    const asked = digests.slice(0, Math.max(0, nodes));
    const folders = new Set(nodes === 0 ? [] : (await this.#store.findNodes(asked)).map(({ digest }) => digest));
    for (const digest of asked) if (!folders.has(digest)) known.delete(digest);
    const missing = digests.filter((digest) => !known.has(digest));
    // Whoever hears that nothing is missing commits nothing.
    if (missing.length === 0 && digests.length <= MOST_RENEWED) {
      const isThere = await this.#store.renewTrees(digests, this.#now(), committer.heldBy);
      if (!isThere) return this.findMissing(digests, targets, options);
    }
    const count = missing.length === 0 ? 0 : Math.min(64, Math.max(0, targets));
    return { missing, targets: await Promise.all(Array.from({ length: count }, () => this.#target())) };
  }

  /** Checks and records a tree whose bytes are stored. Throws invalid-input naming what is wrong. */
  async commitTree(request: TreeCommit, committer = COORDINATOR): Promise<void> {
    const { userName, isClaimant, heldBy } = committer;
    const inline = new Map(request.nodes.map((bytes) => [digestOf(bytes), bytes]));
    const claimant = isClaimant ? { userName } : {};
    const { places, packs } = await checkPut(this.#objects, request.objects, { nodes: inline, ...claimant });
    const pack = request.pack && (await this.#packOf(request.pack, { places, nodes: inline, committer }));
    const nodeOf = async (digest: Digest): Promise<Uint8Array | undefined> =>
      inline.get(digest) ?? this.#knownNode(digest, committer);
    const tree = await checkTree(request.root, nodeOf);
    // What came along but is no part of the tree was not checked: it is neither recorded nor kept.
    const nodes = tree.nodes.flatMap((digest) => {
      const bytes = inline.get(digest);
      return bytes === undefined ? [] : [{ digest, bytes }];
    });
    const needed = new Map(nodes.map(({ digest, bytes }) => [digest, bytes.byteLength]));
    for (const [digest, sizeBytes] of tree.files) needed.set(digest, sizeBytes);
    await this.#checkSizes(needed, { places, committer });
    const checked = new Set(nodes.map(({ digest }) => digest));
    const blobs: NewBlob[] = [...places.values()]
      .filter((place) => needed.has(place.digest))
      .map((place) => ({ ...place, isNode: checked.has(place.digest) }));
    if (pack !== undefined && blobs.some((blob) => blob.objectKey === pack.objectKey)) {
      await this.#objects.put(pack.objectKey, pack.content);
      packs.push(pack);
    }
    const uses = usedBy(nodes, new Set(blobs.map(({ digest }) => digest)));
    await this.#record(blobs, {
      ...{ root: request.root, atMs: this.#now(), heldBy, userName: userName ?? "" },
      ...{ uses: nodes.length === 0 ? [request.root] : uses, packs },
    });
    for (const { digest, bytes } of nodes) this.#cache.set(digest, bytes);
    this.#summaries.set(request.root, tree);
  }

  /** Stores those of the bytes that are not recorded yet, as one object; a commit records them. Undefined: all are known. */
  async putPack(
    blobs: readonly { digest: Digest; bytes: Uint8Array }[],
    kind: "files" | "nodes",
  ): Promise<StoredObject | undefined> {
    const digests = blobs.map(({ digest }) => digest);
    const found = kind === "nodes" ? await this.#store.findNodes(digests) : await this.#store.findBlobs(digests);
    const known = knownOf(found, COORDINATOR);
    const fresh = blobs.filter(({ digest }) => !known.has(digest));
    if (fresh.length === 0) return undefined;
    const { content, blobs: places } = buildPack(fresh);
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    await this.#objects.put(objectKey, content);
    return { objectKey, sizeBytes: content.byteLength, blobs: places };
  }

  /** Whether this digest is a committed tree. */
  async hasTree(digest: Digest): Promise<boolean> {
    return (await this.#store.findNodes([digest])).length > 0;
  }

  /** What a committed tree amounts to. Throws invalid-input for one that is not known. */
  async measure(digest: Digest): Promise<TreeSummary> {
    if (!(await this.hasTree(digest))) {
      throw invalidInput(`The tree ${digest} is not known: upload it first.`, "no-such-tree");
    }
    const measured = this.#summaries.get(digest);
    if (measured !== undefined) return measured;
    const summary = await checkTree(digest, (each) => this.#knownNode(each));
    this.#summaries.set(digest, summary);
    return summary;
  }

  /** What a relative path in a committed tree names; undefined when nothing. An empty path is the tree itself. */
  async find(root: Digest, path: string): Promise<TreeEntry | undefined> {
    if (path === "") return { kind: "directory", name: "", digest: root };
    return findPath(root, path, (digest) => this.readNode(digest));
  }

  /** The file or directory that a path in a committed tree leads to when links are followed; undefined when it leads nowhere. */
  async follow(root: Digest, path: string): Promise<FollowedPath | undefined> {
    return followPath(root, path, (digest) => this.readNode(digest));
  }

  /** The entries of a committed directory. */
  async entries(digest: Digest): Promise<TreeEntry[]> {
    return decodeNode(await this.readNode(digest));
  }

  /** The bytes of a file of a committed tree, piece by piece. Throws data-loss before the last piece of wrong ones. */
  async *readFile(digest: Digest): AsyncGenerator<Uint8Array, void, undefined> {
    const [place] = await this.#store.findBlobs([digest]);
    if (place === undefined) throw new SpellError("data-loss", `Blob ${digest} is named by a tree but not recorded.`);
    yield* readBlob(this.#objects, place);
  }

  /** A tree that holds a committed tree under a name. */
  async wrap(name: string, digest: Digest): Promise<Digest> {
    const bytes = encodeNode([{ kind: "directory", name, digest }]);
    const root = digestOf(bytes);
    if (await this.hasTree(root)) return root;
    await this.readNode(digest);
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    const { content, blobs } = buildPack([{ digest: root, bytes }]);
    await this.#objects.put(objectKey, content);
    const added = blobs.map((blob) => ({ ...blob, objectKey, isNode: true }));
    const packs = [{ objectKey, blobs: blobs.length }];
    await this.#store.addBlobs(added, { root, atMs: this.#now(), uses: [digest], packs });
    return root;
  }

  /** Every node of a tree, and where its files lie, level by level, in messages of bounded size. */
  async *read(root: Digest): AsyncIterable<{ nodes: Uint8Array[]; objects: ObjectSource[] }> {
    let level: Digest[] = [root];
    const seen = new Set<Digest>();
    while (level.length > 0) {
      const { parts, below } = partsOf(await Promise.all(level.map((digest) => this.readNode(digest))));
      for (const { nodes, files } of parts) yield { nodes, objects: await this.sources(files) };
      level = [...below].filter((digest) => !seen.has(digest));
      for (const digest of level) seen.add(digest);
    }
  }

  /** Where blobs lie, by object, with URLs to read them. Throws data-loss for one that is not recorded. */
  async sources(digests: readonly Digest[]): Promise<ObjectSource[]> {
    const byObject = new Map<string, BlobLocation[]>();
    const found = await this.#store.findBlobs(digests);
    const known = new Set(found.map((blob) => blob.digest));
    const lost = digests.find((digest) => !known.has(digest));
    if (lost !== undefined) throw new SpellError("data-loss", `Blob ${lost} is named by a tree but not recorded.`);
    for (const blob of found) {
      const inSame = byObject.get(blob.objectKey);
      if (inSame === undefined) byObject.set(blob.objectKey, [blob]);
      else inSame.push(blob);
    }
    return Promise.all(
      [...byObject].map(async ([objectKey, blobs]) => ({
        getUrl: await this.#objects.presignGet(objectKey, URL_SECONDS),
        blobs: blobs.map(({ digest, offset, sizeBytes }) => ({ digest, offset, sizeBytes })),
      })),
    );
  }

  /** The bytes of a committed directory node. Throws not-found, or data-loss when the store gives other bytes. */
  async readNode(digest: Digest): Promise<Uint8Array> {
    const bytes = await this.#knownNode(digest);
    if (bytes === undefined) throw notFound(`There is no tree ${digest}.`, "no-such-tree");
    return bytes;
  }

  /** For a committer: only what he may count on. */
  async #knownNode(digest: Digest, committer?: Committer): Promise<Uint8Array | undefined> {
    // Whatever the cache holds: what the record has no more is gone.
    const [place] = await this.#store.findNodes([digest]);
    if (place === undefined || (committer !== undefined && !isKnown(place, committer.userName))) return undefined;
    const cached = this.#cache.get(digest);
    if (cached !== undefined) return cached;
    try {
      const bytes = await readNode(this.#objects, place);
      this.#cache.set(digest, bytes);
      return bytes;
    } catch (error) {
      // Collected between the look into the record and the read: it is gone, not lost.
      const [again] = await this.#store.findNodes([digest]);
      if (again?.objectKey === place.objectKey) throw error;
      return this.#knownNode(digest, committer);
    }
  }

  /** Where somebody else claims another place of a blob, the one of this tree is looked at first. */
  async #record(blobs: readonly NewBlob[], tree: CommittedTree): Promise<void> {
    const contested = new Set(await this.#store.addBlobs(blobs, tree));
    if (contested.size === 0) return;
    await this.#claims.require(blobs.filter(({ digest }) => contested.has(digest)));
    const seen = blobs.map((blob) => (contested.has(blob.digest) ? { ...blob, claimedBy: undefined } : blob));
    // Each time round there are fewer claims among them.
    return this.#record(seen, tree);
  }

  /** Every blob must be recorded or come with this request, with the size that the tree declares. */
  async #checkSizes(
    needed: ReadonlyMap<Digest, number>,
    { places, committer }: { places: ReadonlyMap<Digest, BlobLocation>; committer: Committer },
  ): Promise<void> {
    const unplaced = [...needed.keys()].filter((digest) => !places.has(digest));
    const found = (await this.#store.findBlobs(unplaced)).filter((blob) => isKnown(blob, committer.userName));
    const known = new Map(found.map((blob) => [blob.digest, blob]));
    for (const [digest, sizeBytes] of needed) {
      const place = places.get(digest) ?? known.get(digest);
      if (place === undefined) {
        throw invalidInput(`The tree names blob ${digest}, which was not uploaded: upload it first.`, "missing-blob");
      }
      if (place.sizeBytes !== sizeBytes) {
        throw invalidInput(`Blob ${digest} has ${place.sizeBytes} bytes, but the tree says ${sizeBytes}.`, "bad-size");
      }
    }
  }

  /** Checks a pack that came along. Those of its blobs that lie nowhere yet make an object, and get their places in it. */
  async #packOf(
    { content, blobs }: InlinePack,
    given: { places: Map<Digest, BlobLocation>; nodes: ReadonlyMap<Digest, Uint8Array>; committer: Committer },
  ): Promise<{ objectKey: string; content: Uint8Array; blobs: number }> {
    const { places, nodes, committer } = given;
    if (content.byteLength > INLINE_PACK_BYTES) {
      throw invalidInput(`A pack in a call may have ${INLINE_PACK_BYTES} bytes: put a larger one before.`, "too-large");
    }
    const digests = blobs.map((blob) => blob.digest);
    // A node that is known as a file only is not known as a node yet.
    const found = [
      ...(await this.#store.findBlobs(digests.filter((digest) => !nodes.has(digest)))),
      ...(await this.#store.findNodes(digests.filter((digest) => nodes.has(digest)))),
    ];
    const known = knownOf(found, committer);
    const fresh = new Map<Digest, Uint8Array>();
    for (const blob of blobs) {
      const bytes = content.subarray(blob.offset, blob.offset + blob.sizeBytes);
      if (blob.offset < 0 || bytes.byteLength !== blob.sizeBytes || digestOf(bytes) !== blob.digest) {
        throw invalidInput(`Blob ${blob.digest} does not lie in its pack where it is said to.`, "bad-blob-place");
      }
      if (!known.has(blob.digest) && !places.has(blob.digest)) fresh.set(blob.digest, bytes);
    }
    const pack = buildPack([...fresh].map(([digest, bytes]) => ({ digest, bytes })));
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    for (const blob of pack.blobs) places.set(blob.digest, { ...blob, objectKey });
    return { objectKey, content: pack.content, blobs: pack.blobs.length };
  }

  async #target(): Promise<UploadTarget> {
    const objectKey = `${PACK_PREFIX}${randomUUID()}`;
    return { objectKey, putUrl: await this.#objects.presignPut(objectKey, URL_SECONDS, { onlyNew: true }) };
  }
}

function knownOf(found: readonly BlobLocation[], { userName }: Committer): Set<Digest> {
  return new Set(found.filter((blob) => isKnown(blob, userName)).map(({ digest }) => digest));
}

/** What new nodes name and did not come with them. */
function usedBy(nodes: readonly { bytes: Uint8Array }[], fresh: ReadonlySet<Digest>): Digest[] {
  const used = new Set<Digest>();
  for (const { bytes } of nodes) {
    for (const entry of decodeNode(bytes)) {
      if (entry.kind !== "symlink" && !fresh.has(entry.digest)) used.add(entry.digest);
    }
  }
  return [...used];
}
