/**
 * A tree in the making: real folders whose files are further names of blobs of the cache. A blob that is fetched for it is written
 * at its place in here and gets its name in the cache from there: half the system calls of writing it elsewhere first, and a
 * file system puts what lies in one folder together.
 */
import { mkdirSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { BlobFile, BlobFolder, FirstPlace } from "./blob-folder.ts";
import type { FileEntry, TreeEntry } from "./entry.ts";
import { Pace } from "./pace.ts";

/** What to lay out. */
export interface TreeLayoutRequest {
  root: Digest;
  /** Entries of every node of the tree. */
  nodes: ReadonlyMap<Digest, readonly TreeEntry[]>;
  blobs: BlobFolder;
  /** The folder to make; nothing may be there. */
  target: string;
  signal?: AbortSignal;
}

interface Place {
  folder: string;
  entry: { name: string; executable: boolean };
  isTaken: boolean;
}

/** Methods throw what the system says; whoever makes it discards it when it does not become whole. */
export class TreeLayout {
  readonly #request: TreeLayoutRequest;
  /** Where the first name of each blob that is to be fetched goes. */
  readonly #places = new Map<Digest, Place>();

  constructor(request: TreeLayoutRequest) {
    this.#request = request;
  }

  /** Makes the folders, so that blobs may come. Throws data-loss when two nodes differ on the size of one. */
  async begin(missing: ReadonlyMap<Digest, BlobFile>): Promise<void> {
    mkdirSync(this.#request.target, { mode: FOLDER_MODE });
    await this.#visit((entry, folder) => {
      if (entry.kind === "directory") mkdirSync(`${folder}/${entry.name}`, { mode: FOLDER_MODE });
      if (entry.kind !== "file") return;
      const file = missing.get(entry.digest);
      if (file !== undefined && file.sizeBytes !== entry.sizeBytes) throw twoSizes(entry.digest);
      if (file === undefined || this.#places.has(entry.digest)) return;
      this.#places.set(entry.digest, { folder, entry, isTaken: false });
    });
  }

  /** The first place of a blob, which the caller fills now. */
  takePlace(digest: Digest): FirstPlace | undefined {
    const place = this.#places.get(digest);
    if (place === undefined || place.isTaken) return undefined;
    place.isTaken = true;
    return { path: `${place.folder}/${place.entry.name}`, executable: place.entry.executable };
  }

  /** Adds what is not there yet, once every blob is in the cache. Links are written as they stand and never followed. */
  async complete(): Promise<void> {
    const { blobs } = this.#request;
    await this.#visit((entry, folder) => {
      if (entry.kind === "symlink") symlinkSync(entry.target, `${folder}/${entry.name}`);
      if (entry.kind !== "file" || this.#isFilled(entry, folder)) return undefined;
      return blobs.link(entry, `${folder}/${entry.name}`);
    });
  }

  async discard(): Promise<void> {
    await rm(this.#request.target, { recursive: true, force: true });
  }

  #isFilled(entry: FileEntry, folder: string): boolean {
    const place = this.#places.get(entry.digest);
    return place?.isTaken === true && place.entry.name === entry.name && place.folder === folder;
  }

  /** Every entry at each of its places, a folder before what it holds. */
  async #visit(work: (entry: TreeEntry, folder: string) => Promise<void> | undefined | void): Promise<void> {
    const { root, nodes, target, signal } = this.#request;
    const pace = new Pace();
    const visit = async (digest: Digest, folder: string): Promise<void> => {
      for (const entry of nodes.get(digest) ?? missingNode(digest)) {
        if (pace.isOver) {
          await pace.rest();
          signal?.throwIfAborted();
        }
        const waiting = work(entry, folder);
        if (waiting !== undefined) await waiting;
        if (entry.kind === "directory") await visit(entry.digest, `${folder}/${entry.name}`);
      }
    };
    await visit(root, target);
  }
}

const FOLDER_MODE = 0o755;

function missingNode(digest: Digest): never {
  throw new SpellError("data-loss", `The directory node ${digest} is missing.`);
}

function twoSizes(digest: Digest): SpellError {
  return new SpellError("data-loss", `The tree gives two sizes for the blob ${digest}.`, { reason: "wrong-bytes" });
}
