/** Takes the bytes of one blob as they arrive, and publishes it when they turn out to be those of its digest. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { BlobFile, BlobFolder } from "./blob-folder.ts";
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

/** A writer for the blob of this place. */
export function createBlobWriter(folder: BlobFolder, place: BlobPlace): BlobWriter {
  const file: BlobFile = { digest: place.digest, executable: false };
  return place.sizeBytes < LARGE_BLOB_BYTES ? memoryWriter(folder, file) : fileWriter(folder, file);
}

function memoryWriter(folder: BlobFolder, file: BlobFile): BlobWriter {
  let parts: Uint8Array[] = [];
  return {
    write(bytes) {
      parts.push(bytes);
      return Promise.resolve();
    },
    finish() {
      const bytes = Buffer.concat(parts);
      if (digestOf(bytes) !== file.digest) return Promise.resolve(false);
      folder.publishBytes(file, bytes);
      return Promise.resolve(true);
    },
    discard() {
      parts = [];
      return Promise.resolve();
    },
  };
}

function fileWriter(folder: BlobFolder, file: BlobFile): BlobWriter {
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
      if (handle === undefined || state.digest("hex") !== file.digest) {
        await discard();
        return false;
      }
      await handle.close();
      handle = undefined;
      folder.publishFile(file, path);
      return true;
    },
    discard,
  };
}
