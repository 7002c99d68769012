/** The object store's contract: immutable objects by key. Drivers: `directory` (embedded) and `s3`. */
import type { Multipart, PartLayout, PartTag, StoredPart } from "./multipart.ts";

export interface ObjectInfo {
  key: string;
  sizeBytes: number;
  /** When it was put last, by the store's own clock, unix milliseconds. */
  modifiedAtMs: number;
}

export interface ByteRange {
  offset: number;
  length: number;
}

/** An object in the making, as a listing tells it. */
export interface MultipartInfo {
  key: string;
  uploadId: string;
  /** By the store's own clock, unix milliseconds. */
  startedAtMs: number;
}

/**
 * Keys are relative slash paths of letters, digits, `.`, `_` and `-` (invalid-input otherwise). All calls may throw
 * `unavailable` (store away; retry) or `internal`. An object is either whole or absent, never partly visible.
 */
export interface ObjectStore {
  /** Stores the bytes durably under the key; putting the same key again replaces it in one step. */
  put(key: string, body: Uint8Array): Promise<void>;
  /** The bytes, or a range of them. `not-found` when absent; `invalid-input` for a range outside the object. */
  get(key: string, range?: ByteRange): Promise<Uint8Array>;
  /** Undefined when absent. */
  find(key: string): Promise<ObjectInfo | undefined>;
  /** Removes the object; absent is fine. */
  delete(key: string): Promise<void>;
  /** Every object whose key starts with the prefix, in key order. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /**
   * A URL with which anyone may PUT this key once or more until it expires. Plain HTTP PUT, `Content-Length` known. `onlyNew`: only
   * while there is no such object, and only with the header `If-None-Match: *`; 412 says that there is one, whenever that came.
   */
  presignPut(key: string, expiresInSeconds: number, options?: { onlyNew: boolean }): Promise<string>;
  /** A URL with which anyone may GET this key (with `Range: bytes=a-b`) until it expires. */
  presignGet(key: string, expiresInSeconds: number): Promise<string>;

  /**
   * Begins an object that is put in parts; the store's name for it. Nothing is visible under the key before it is complete. The calls
   * below take what this one gave with what it was given; they throw not-found (reason `no-such-multipart`) when it has ended.
   */
  startMultipart(key: string, layout: PartLayout): Promise<string>;
  /** A URL to PUT one part, in any order, once or more: the last one counts. The answer's `ETag` names what was put. */
  presignPart(multipart: Multipart, number: number, expiresInSeconds: number): Promise<string>;
  /** The parts that are there, by number. A part whose PUT was cut is not. */
  listParts(multipart: Pick<Multipart, "key" | "uploadId">): Promise<StoredPart[]>;
  /** Makes it an object, in one step. Throws invalid-input (`bad-parts`) unless each part is there as it is named. */
  completeMultipart(multipart: Multipart, parts: readonly PartTag[]): Promise<void>;
  /** Ends it without an object and gives its space back; one that has ended is fine. */
  abortMultipart(multipart: Pick<Multipart, "key" | "uploadId">): Promise<void>;
  /** Those that have not ended and whose key starts with the prefix, in any order. MinIO tells only those of a whole key. */
  listMultiparts(prefix: string): AsyncIterable<MultipartInfo>;
}
