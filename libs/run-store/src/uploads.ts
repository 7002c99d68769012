/** What the record holds of uploads: trees that users named, and what is under way to become one. */
import type { Digest } from "@spell/domain";

export interface UploadRecord {
  id: number;
  owner: string;
  /** Unique among the owner's, those under way included. */
  name: string;
  /** Its only file is an archive, to be unpacked when it is complete. */
  compressed: boolean;
  /** Undefined while it is under way. */
  tree?: Digest;
  fileCount: number;
  sizeBytes: number;
  createdAtMs: number;
  /** When something arrived last, or it was completed. */
  changedAtMs: number;
}

/** An upload whose files are all stored. */
export type CompleteUpload = UploadRecord & { tree: Digest };

/** What a complete upload amounts to. */
export interface UploadContents {
  tree: Digest;
  fileCount: number;
  sizeBytes: number;
}

/** A file of an upload under way. */
export interface UploadFile {
  /** Unique among all uploads, never given twice. */
  number: number;
  uploadId: number;
  /** Relative to the upload. */
  path: string;
  /** As declared. */
  sizeBytes: number;
}

export interface UploadStore {
  /** The upload under way of this name, made if there is none; the complete one if there is that. */
  beginUpload(upload: Pick<UploadRecord, "owner" | "name" | "compressed">, nowMs: number): Promise<UploadRecord>;
  /** Records a complete upload at once; undefined when the name is taken. */
  addUpload(
    upload: Pick<UploadRecord, "owner" | "name"> & UploadContents,
    nowMs: number,
  ): Promise<CompleteUpload | undefined>;
  findUpload(owner: string, name: string): Promise<UploadRecord | undefined>;
  findUploadById(id: number): Promise<UploadRecord | undefined>;
  /** The complete ones, by name. */
  listUploads(owner: string): Promise<CompleteUpload[]>;
  /** Those under way to which nothing has come since. */
  listIdleUploads(beforeMs: number): Promise<UploadRecord[]>;
  /** Every upload that is under way. */
  listOpenUploads(): Promise<UploadRecord[]>;
  /**
   * Adds a file to an upload under way; one of the same path and size is answered as it is, one of another size is replaced.
   * Undefined when the upload is complete or gone.
   */
  addFile(file: Omit<UploadFile, "number">, nowMs: number): Promise<UploadFile | undefined>;
  findFile(number: number): Promise<UploadFile | undefined>;
  /** In the order in which they were added. */
  listFiles(uploadId: number): Promise<UploadFile[]>;
  /** Notes that something arrived. */
  touchUpload(id: number, nowMs: number): Promise<void>;
  /** Ends an upload under way and forgets its files; undefined when it is complete already, or gone. */
  completeUpload(id: number, contents: UploadContents, nowMs: number): Promise<CompleteUpload | undefined>;
  /** Forgets it with its files; false when there was none. */
  removeUpload(id: number): Promise<boolean>;
}
