/** Commits of the repositories that the coordinator keeps, as trees. Each is read once. */
import type { Digest } from "@spell/domain";
import { SpellError } from "@spell/domain";
import type { CommitTree, RunStore } from "@spell/run-store";
import type { StoredObject } from "@spell/spellfs";
import { PACK_BLOBS, hasCommit, readCommitTree } from "@spell/spellfs";
import type { TreeCatalog } from "./tree-catalog.ts";

/** Small files go into the store together. */
const PACK_BYTES = 16 * 1024 * 1024;
/** So many of the paths that were left out are named. */
const NAMED = 20;

export interface CommitSource {
  /** As the record names it. */
  repository: string;
  gitDir: string;
  /** Whole name, hex. */
  commit: string;
}

export interface CommitTreesDeps {
  store: Pick<RunStore, "workspaces">;
  trees: TreeCatalog;
  /** Most bytes of the files of one commit. */
  maxBytes: number;
}

export class CommitTrees {
  readonly #deps: CommitTreesDeps;
  readonly #reading = new Map<string, Promise<CommitTree | undefined>>();

  constructor(deps: CommitTreesDeps) {
    this.#deps = deps;
  }

  /** The tree of a commit; undefined when the repository lacks it. Throws invalid-input when it cannot be code. */
  async treeOf(source: CommitSource): Promise<CommitTree | undefined> {
    const { repository, commit } = source;
    const known = await this.#deps.store.workspaces.findCommitTree(repository, commit);
    if (known !== undefined) return known;
    // Many runs of one commit may be asked for at once.
    const key = `${repository} ${commit}`;
    const reading = this.#reading.get(key) ?? this.#readAgain(source).finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  /** Once more when what the store had at the beginning has been collected before the end. */
  async #readAgain(source: CommitSource): Promise<CommitTree | undefined> {
    try {
      return await this.#read(source);
    } catch (error) {
      const isGone =
        error instanceof SpellError && ["missing-blob", "missing-object", "no-such-tree"].includes(error.reason);
      if (!isGone) throw error;
      return this.#read(source);
    }
  }

  async #read({ repository, gitDir, commit }: CommitSource): Promise<CommitTree | undefined> {
    if (!(await hasCommit(gitDir, commit))) return undefined;
    const { trees, maxBytes, store } = this.#deps;
    const packer = new Packer(trees);
    const read = await readCommitTree({ gitDir, commit, maxBytes, keep: (blob) => packer.add(blob) });
    await packer.flush("files");
    for (const [digest, bytes] of read.nodes) await packer.add({ digest, bytes }, "nodes");
    await packer.flush("nodes");
    await trees.commitTree({ root: read.root, objects: packer.objects, nodes: [...read.nodes.values()] });
    const named = read.skipped.slice(0, NAMED).map(({ path, why }) => `Not part of the code: ${path} (${why}).`);
    const more = read.skipped.length - named.length;
    const leftOut = more > 0 ? [...named, `Not part of the code: ${more} more such files.`] : named;
    const tree: CommitTree = { tree: read.root, leftOut };
    await store.workspaces.addCommitTree(repository, commit, tree);
    return tree;
  }
}

/** Gathers blobs into objects of the store. */
class Packer {
  readonly objects: StoredObject[] = [];
  readonly #trees: TreeCatalog;
  #waiting = new Map<Digest, Uint8Array>();
  #bytes = 0;

  constructor(trees: TreeCatalog) {
    this.#trees = trees;
  }

  async add(blob: { digest: Digest; bytes: Uint8Array }, kind: "files" | "nodes" = "files"): Promise<void> {
    if (this.#waiting.has(blob.digest)) return;
    this.#waiting.set(blob.digest, blob.bytes);
    this.#bytes += blob.bytes.byteLength;
    if (this.#bytes >= PACK_BYTES || this.#waiting.size >= PACK_BLOBS) await this.flush(kind);
  }

  async flush(kind: "files" | "nodes"): Promise<void> {
    const blobs = [...this.#waiting].map(([digest, bytes]) => ({ digest, bytes }));
    this.#waiting = new Map();
    this.#bytes = 0;
    const object = await this.#trees.putPack(blobs, kind);
    if (object !== undefined) this.objects.push(object);
  }
}
