/**
 * Bytes of uploads under way, on the coordinator's disk: `<upload>/<file number>`. No name that a client gave ever becomes a path
 * here. How much of a file has arrived is how long it is, so nothing else has to be kept in step.
 */
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { SpellError, conflict, hasCode, invalidInput, messageOf } from "@spell/domain";
import type { UploadFile } from "@spell/run-store";

export interface Append {
  file: UploadFile;
  /** Where the bytes begin: must be where the file ends. */
  offset: number;
  bytes: AsyncIterable<Uint8Array>;
}

export class UploadFolder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  pathOf({ uploadId, number }: Pick<UploadFile, "uploadId" | "number">): string {
    return join(this.#root, String(uploadId), String(number));
  }

  /** A further file of an upload, such as one out of an archive. */
  pathInside(uploadId: number, name: string): string {
    return join(this.#root, String(uploadId), name);
  }

  /** How many bytes of a file are here. */
  async receivedBytes(file: Pick<UploadFile, "uploadId" | "number">): Promise<number> {
    try {
      return (await stat(this.pathOf(file))).size;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return 0;
      throw diskProblem(error);
    }
  }

  /**
   * Appends and resolves, once they are durable, with how many bytes are here then. What arrived of bytes that broke off is kept.
   * Throws conflict `wrong-offset`, invalid-input `too-large` for more bytes than were declared, exhausted `disk-full`.
   */
  async append({ file, offset, bytes }: Append): Promise<number> {
    const have = await this.receivedBytes(file);
    if (have !== offset) {
      throw conflict(`${have} bytes of this file are here, not ${offset}: go on from there.`, "wrong-offset");
    }
    try {
      await mkdir(join(this.#root, String(file.uploadId)), { recursive: true, mode: 0o700 });
      const handle = await open(this.pathOf(file), "a", 0o600);
      try {
        return await this.#write(handle, { have, sizeBytes: file.sizeBytes, bytes });
      } finally {
        await handle.datasync();
        await handle.close();
      }
    } catch (error) {
      throw diskProblem(error);
    }
  }

  /** A stream into a further file of an upload. */
  writeInside(uploadId: number, name: string): ReturnType<typeof createWriteStream> {
    return createWriteStream(this.pathInside(uploadId, name), { mode: 0o600, flags: "wx" });
  }

  /** Room on the disk, bytes. */
  async freeBytes(): Promise<number> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }

  /** Removes all that is here of an upload. */
  async remove(uploadId: number): Promise<void> {
    await rm(join(this.#root, String(uploadId)), { recursive: true, force: true, maxRetries: 3 });
  }

  /** Makes an empty folder inside an upload's, in place of what was there. */
  async freshFolder(uploadId: number, name: string): Promise<void> {
    const path = this.pathInside(uploadId, name);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true, mode: 0o700 });
  }

  /** The uploads that something is here of. */
  async uploadIds(): Promise<number[]> {
    try {
      return (await readdir(this.#root)).map(Number).filter(Number.isSafeInteger);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw diskProblem(error);
    }
  }

  async #write(
    handle: Awaited<ReturnType<typeof open>>,
    { have, sizeBytes, bytes }: { have: number; sizeBytes: number; bytes: AsyncIterable<Uint8Array> },
  ): Promise<number> {
    let total = have;
    for await (const chunk of bytes) {
      if (total + chunk.byteLength > sizeBytes) {
        throw invalidInput(`The file was declared to have ${sizeBytes} bytes, and more arrived.`, "too-large");
      }
      for (let at = 0; at < chunk.byteLength;) at += (await handle.write(chunk, at)).bytesWritten;
      total += chunk.byteLength;
    }
    return total;
  }
}

/** Errors of the disk with a name; others as they are. */
function diskProblem(error: unknown): unknown {
  const errno = errnoOf(error);
  if (hasCode(error, "invalid-input") || hasCode(error, "conflict") || errno === undefined) return error;
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    const message = "There is no space left on the coordinator's disk for this upload: free some there.";
    return new SpellError("exhausted", message, { reason: "disk-full", cause: error });
  }
  if (!/^E[A-Z]+$/.test(errno) || errno === "ECONNRESET" || errno === "EPIPE") return error;
  return new SpellError("unavailable", `The coordinator cannot keep this upload: ${messageOf(error)}.`, {
    cause: error,
  });
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
