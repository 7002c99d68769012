/** What uploads and downloads need of a coordinator: the calls of TreeService, whoever makes them. */
import type { Digest } from "@spell/domain";

/** Where one blob lies in an object. */
export interface BlobPlace {
  digest: Digest;
  offset: number;
  sizeBytes: number;
}

/** An object that was put, and the blobs in it. */
export interface StoredObject {
  objectKey: string;
  sizeBytes: number;
  blobs: BlobPlace[];
}

/** A pack that travels with the call that commits a tree, at most INLINE_PACK_BYTES. */
export interface InlinePack {
  content: Uint8Array;
  blobs: BlobPlace[];
}

/** Largest InlinePack, bytes: what a call may carry without delaying others. */
export const INLINE_PACK_BYTES = 64 * 1024;

/** An object that can be read, and the blobs in it that are of interest. */
export interface ObjectSource {
  /** Presigned; range reads allowed. */
  getUrl: string;
  blobs: BlobPlace[];
}

/** What makes a tree valid. */
export interface TreeCommit {
  root: Digest;
  objects: StoredObject[];
  /** Those directory nodes that the store may lack. */
  nodes: Uint8Array[];
  pack?: InlinePack;
}

/** A place for one object. */
export interface UploadTarget {
  objectKey: string;
  /** Presigned; expires after an hour. */
  putUrl: string;
}

/** A part of an object in the making. */
export interface PartTag {
  number: number;
  /** The store's name for what was put. */
  etag: string;
}

/** Objects that are put in parts. Calls throw not-found (`no-such-multipart`) when one has ended or is another's. */
export interface MultipartTransport {
  /** `partBytes`: of every part but the last, numbered from 1. */
  start(request: { sizeBytes: number }): Promise<{ objectKey: string; partBytes: number }>;
  /** URLs in the order of the numbers, at most 64; each expires after an hour. */
  presignParts(request: { objectKey: string; numbers: number[] }): Promise<string[]>;
  /** Those that are there, whole. */
  listParts(request: { objectKey: string }): Promise<PartTag[]>;
  /** Doing so again is harmless. */
  complete(request: { objectKey: string; parts: PartTag[] }): Promise<void>;
  abort(request: { objectKey: string }): Promise<void>;
}

/** The calls of TreeService (proto/spell/v1/tree.proto gives their contract). They throw SpellErrors. */
export interface TreeTransport {
  /** Absent: every object is put in one go. */
  readonly multiparts?: MultipartTransport;
  /** Which digests the store lacks; a node is known only when all that lies below it is known too. */
  findMissing(request: {
    digests: Digest[];
    /** 0 to 64; none are given when nothing is missing. */
    targets: number;
    /** So many of the digests, the first ones, are directory nodes: a file of the same bytes does not count for them. Default: 0. */
    nodes?: number;
  }): Promise<{ missing: Digest[]; targets: UploadTarget[] }>;
  /** Records objects, stores the pack that comes along, and makes a tree valid. */
  commitTree(request: TreeCommit): Promise<void>;
  /** All nodes of a tree and where its file blobs lie, or the place of a single file's blob; over several messages. */
  readTree(request: {
    digest: Digest;
    isFile: boolean;
  }): AsyncIterable<{ nodes: Uint8Array[]; objects: ObjectSource[] }>;
}
