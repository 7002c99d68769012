/**
 * What collecting garbage asks of the record. Whatever is written into the record and names a tree or a blob is checked in its own
 * transaction: it must be there, and a collection that goes on hears of it. See docs/adr/0011.
 */
import type { Digest } from "@spell/domain";
import type { Marks } from "./marks.ts";
import type { BlobLocation, CommittedTree } from "./records.ts";

/** Something in the record that names a tree, or the blob of a file. */
export interface TreeReference {
  source: ReferenceSource;
  owner: string;
  digest: Digest;
  isFile: boolean;
  /** Of the run, workflow or search; the upload's name; the repository of a commit. Empty for trees that nothing names yet. */
  name: string;
  projectId?: number;
  /** Folder of the code, where it is known. */
  codeRoot?: string;
}

/** Where references stand. `recent`: trees committed of late. `held`: those of attempts in force. */
export const REFERENCE_SOURCES = ["held", "recent", "runs", "uploads", "workflows", "searches", "commits"] as const;
export type ReferenceSource =
  "held" | "recent" | "uploads" | "workflows" | "searches" | "commits" | "run-code" | "run-mount" | "run-output";

export interface ReferencePage {
  references: TreeReference[];
  /** Undefined: this was the last page. */
  next?: string;
}

/** A blob with its number. */
export interface NumberedBlob extends BlobLocation {
  id: number;
  isNode: boolean;
}

export interface CollectionResult {
  deadBlobs: number;
  deadBytes: number;
  deletedObjects: number;
  deletedBytes: number;
}

/** A collection. */
export interface CollectionRecord {
  number: number;
  startedAtMs: number;
  condemnedAtMs?: number;
  endedAtMs?: number;
  result?: CollectionResult;
}

/** Rows of one object. */
export interface ObjectUse {
  objectKey: string;
  blobs: number;
  blobBytes: number;
  /** Where the last of them ends. */
  endBytes: number;
  /** How many blobs its footer lists; undefined: it has none. */
  listedBlobs?: number;
}

/** Where the bytes of a blob were looked for in vain, and where they lie now. */
export interface BlobMove {
  digest: Digest;
  from: { objectKey: string; offset: number };
  to: { objectKey: string; offset: number };
}

export interface GarbageStore {
  /** The number of the newest blob. */
  lastBlobId(): Promise<number>;
  /**
   * From now on each reference that is written is marked in here, and once it resolves whatever was written before can be read.
   * Undefined: no collection goes on.
   */
  watch(marks: Marks | undefined): Promise<void>;
  /** A page of what names trees, in the order of one source. `recent`: those committed since then. */
  listReferences(
    source: (typeof REFERENCE_SOURCES)[number],
    page: { after?: string; limit: number; committedSinceMs: number },
  ): Promise<ReferencePage>;
  /** Marks what is recorded of these; those that are not, or not as nodes. */
  mark(marks: Marks, names: readonly { digest: Digest; asNode: boolean }[]): Promise<Digest[]>;
  /** By number, those that are there. */
  findById(ids: readonly number[]): Promise<NumberedBlob[]>;
  /** By digest, those that are there. */
  findByDigest(digests: readonly Digest[]): Promise<NumberedBlob[]>;
  /**
   * From now on these blobs lie where they are moved to, and the coordinator has seen them there; which. `packs`: those of the objects
   * that have a footer, and how many blobs it lists. Those that lie somewhere else meanwhile, or nowhere, stay as they are.
   * Throws invalid-input (`missing-object`) for an object that is being deleted.
   */
  moveBlobs(moves: readonly BlobMove[], packs: NonNullable<CommittedTree["packs"]>): Promise<Digest[]>;
  /** In order of their numbers. */
  listBlobs(page: { afterId: number; limit: number }): Promise<NumberedBlob[]>;
  /** In order of their keys. */
  listObjectUses(page: { after: string; limit: number }): Promise<ObjectUse[]>;
  listObjectBlobs(objectKey: string): Promise<NumberedBlob[]>;

  /** Begins one. What an earlier one condemned must be deleted before. */
  beginCollection(nowMs: number): Promise<number>;
  /** Notes the blobs of one page that are not marked; what they are. Nothing comes of it before `condemn`. */
  noteDead(
    collection: number,
    page: { marks: Marks; afterId: number; limit: number },
  ): Promise<{ lastId: number | undefined; blobs: number; bytes: number }>;
  /**
   * From now on nobody sees what the collection noted as dead, whatever happens to this process. False, and nothing happened,
   * when marks are incomplete or more was marked late than one transaction takes back: mark on, `takeBack`, and try again.
   */
  condemn(collection: number, marks: Marks, nowMs: number): Promise<boolean>;
  /** Takes back some of what was noted as dead and marked after that; false when there was none. */
  takeBack(collection: number, marks: Marks): Promise<boolean>;
  /** Deletes some of what is condemned; how much. */
  deleteCondemned(limit: number): Promise<{ blobs: number; bytes: number }>;
  endCollection(collection: number, result: CollectionResult, nowMs: number): Promise<void>;
  /** The last one that came to its end. */
  lastCollection(): Promise<CollectionRecord | undefined>;
  /** Lets go of trees of attempts that are over. */
  releaseHeld(): Promise<void>;

  /** Those of the objects that hold no blob and are not in the making: from now on nothing can be recorded in them. */
  doom(objectKeys: readonly string[], nowMs: number): Promise<string[]>;
  listDoomed(page: { after: string; limit: number }): Promise<{ objectKey: string; doomedAtMs: number }[]>;
  /** These are deleted for good: their keys will not come again. */
  forgetDoomed(objectKeys: readonly string[]): Promise<void>;

  /**
   * Takes the outputs from runs that were archived before then, unless a link or a model of their owner leads to them; how many.
   */
  dropOutputs(request: { archivedBeforeMs: number; nowMs: number; limit: number }): Promise<number>;
}
