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

/**
 * So much of a large blob is written at once. Less costs a call to the thread pool for each part that arrives. More costs too: the
 * system then takes larger pieces of fresh memory for the file, at twice the processor time (1 MiB: 4.8 s for 2 GiB, this: 2.1 s).
 * A GiB takes 2.0 s in all, 1.55 s without any hash (curl: 0.67 s). Hashing on a thread of its own gained a twentieth on two cores.
 */
const STEP_BYTES = 128 * 1024;

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
  // One fills up while the other is being written: a call to the thread pool for each part that arrives costs more than the copy.
  const steps = [Buffer.allocUnsafeSlow(STEP_BYTES), Buffer.allocUnsafeSlow(STEP_BYTES)] as const;
  let turn: 0 | 1 = 0;
  let filled = 0;
  let writing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    handle ??= await open(path, "wx", 0o600);
    writing = writeAll(handle, steps[turn].subarray(0, filled));
    // Its failure is told when it is waited for.
    writing.catch(() => undefined);
    turn = turn === 0 ? 1 : 0;
    filled = 0;
  };
  const close = async (): Promise<void> => {
    await writing.catch(() => undefined);
    await handle?.close();
    handle = undefined;
  };
  const discard = async (): Promise<void> => {
    const isThere = handle !== undefined;
    await close();
    if (isThere) rmSync(path, { force: true });
  };
  return {
    async write(bytes) {
      state.update(bytes);
      for (let offset = 0; offset < bytes.length;) {
        const part = bytes.subarray(offset, offset + STEP_BYTES - filled);
        steps[turn].set(part, filled);
        filled += part.length;
        offset += part.length;
        if (filled === STEP_BYTES) await flush();
      }
    },
    async finish() {
      if (state.digest("hex") !== digest) {
        await discard();
        return false;
      }
      await flush();
      await writing;
      await close();
      const place = takePlace?.(digest);
      const file = { digest, executable: place?.executable ?? false };
      folder.publishFile(file, path);
      if (place !== undefined) await folder.link(file, place.path);
      return true;
    },
    discard,
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, offset);
    offset += bytesWritten;
  }
}
