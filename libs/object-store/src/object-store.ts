/** The object store's contract: immutable objects by key. Drivers: `directory` (embedded) and `s3`. */

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
  /** A URL with which anyone may PUT this key once or more until it expires. Plain HTTP PUT, `Content-Length` known. */
  presignPut(key: string, expiresInSeconds: number): Promise<string>;
  /** A URL with which anyone may GET this key (with `Range: bytes=a-b`) until it expires. */
  presignGet(key: string, expiresInSeconds: number): Promise<string>;
}
