/** Takes the bytes of one blob as they arrive, and publishes it when they turn out to be those of its digest. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Digest } from "@spell/domain";
import type { BlobFolder, FirstPlace } from "./blob-folder.ts";
import { digestOf } from "./node.ts";
import type { BlobPlace } from "./transport.ts";
import { LARGE_BLOB_BYTES } from "./upload-plan.ts";

/** A blob that is being received. */
export interface BlobWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** Whether the bytes were right and the blob is published now. */
  finish(): Promise<boolean>;
  /** Leaves nothing behind. Idempotent; no-op after `finish`. */
  discard(): Promise<void>;
}

/** Where blobs go. */
export interface BlobSink {
  folder: BlobFolder;
  /** Where the first name of a blob is wanted; asked once its bytes were checked. */
  takePlace?: (digest: Digest) => FirstPlace | undefined;
}

/** A writer for the blob of this place. */
export function createBlobWriter(sink: BlobSink, { digest, sizeBytes }: BlobPlace): BlobWriter {
  return sizeBytes < LARGE_BLOB_BYTES ? memoryWriter(sink, digest) : fileWriter(sink, digest);
}

function memoryWriter({ folder, takePlace }: BlobSink, digest: Digest): BlobWriter {
  let parts: Uint8Array[] = [];
  return {
    write(bytes) {
      parts.push(bytes);
      return Promise.resolve();
    },
    finish() {
      const [first] = parts;
      const bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
      if (digestOf(bytes) !== digest) return Promise.resolve(false);
      const place = takePlace?.(digest);
      if (place === undefined) folder.publishBytes({ digest, executable: false }, bytes);
      else folder.publishBytesAt(place, digest, bytes);
      return Promise.resolve(true);
    },
    discard() {
      parts = [];
      return Promise.resolve();
    },
  };
}

function fileWriter({ folder, takePlace }: BlobSink, digest: Digest): BlobWriter {
  const path = folder.temporaryPath();
  const state: Hash = createHash("sha256");
  let handle: FileHandle | undefined;
  const discard = async (): Promise<void> => {
    await handle?.close();
    if (handle !== undefined) rmSync(path, { force: true });
    handle = undefined;
  };
  return {
    async write(bytes) {
      handle ??= await open(path, "wx", 0o600);
      state.update(bytes);
      for (let offset = 0; offset < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, offset);
        offset += bytesWritten;
      }
    },
    async finish() {
      if (handle === undefined || state.digest("hex") !== digest) {
        await discard();
        return false;
      }
      await handle.close();
      handle = undefined;
      const place = takePlace?.(digest);
      const file = { digest, executable: place?.executable ?? false };
      folder.publishFile(file, path);
      if (place !== undefined) await folder.link(file, place.path);
      return true;
    },
    discard,
  };
}
