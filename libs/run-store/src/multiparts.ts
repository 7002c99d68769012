/** What the record holds of objects that are put in parts: whose they are, and when they were used last. */

export interface MultipartRecord {
  objectKey: string;
  /** Who began it. */
  holder: string;
  sizeBytes: number;
  /** Of every part but the last. */
  partBytes: number;
  /** The object store's name for it; undefined until the store has begun it. */
  uploadId?: string;
  usedAtMs: number;
}

/** As long as one is here its object is not doomed, whatever the store says of its age. */
export interface MultipartStore {
  /** Before the store begins it: what the store begins is known here, whatever happens to this process. */
  add(multipart: Omit<MultipartRecord, "uploadId">): Promise<void>;
  /** The store has begun it. */
  begin(objectKey: string, uploadId: string): Promise<void>;
  /** The one of this holder, used now; undefined when there is none. */
  use(objectKey: string, holder: string, nowMs: number): Promise<MultipartRecord | undefined>;
  find(objectKey: string): Promise<MultipartRecord | undefined>;
  /** In order of their keys; with `idleSinceMs` those that were not used since. */
  list(page: { after: string; limit: number; idleSinceMs?: number }): Promise<MultipartRecord[]>;
  remove(objectKey: string): Promise<void>;
}
