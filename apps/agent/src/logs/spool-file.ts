/** Read access to the spool of an attempt: a file that another process makes, appends to, and may spoil. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

export class SpoolFile {
  readonly path: string;
  #opening: Promise<FileHandle | undefined> | undefined;
  #handle: FileHandle | undefined;
  #closed = false;

  constructor(path: string) {
    this.path = path;
  }

  /** Reads up to `length` bytes at `position`; 0 while the file does not exist or ends there. Throws what the system says. */
  async read(target: Buffer, place: { at: number; length: number; position: number }): Promise<number> {
    const handle = this.#handle ?? (await this.#open());
    if (handle === undefined) return 0;
    const { bytesRead } = await handle.read(target, place.at, place.length, place.position);
    return bytesRead;
  }

  /** Its present size; 0 while it does not exist. */
  async sizeBytes(): Promise<number> {
    const handle = this.#handle ?? (await this.#open());
    return handle === undefined ? 0 : (await handle.stat()).size;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const handle = await this.#opening?.catch(() => undefined);
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  async #open(): Promise<FileHandle | undefined> {
    if (this.#closed) return undefined;
    this.#opening ??= this.#tryOpen();
    try {
      this.#handle = await this.#opening;
      if (this.#handle === undefined) this.#opening = undefined;
      return this.#handle;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #tryOpen(): Promise<FileHandle | undefined> {
    let handle: FileHandle;
    try {
      // Never follows a link, never waits for the writer of a pipe.
      handle = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new Error("it is not a plain file");
  }
}

const SCAN_BYTES = 64 * 1024;
/** A line longer than this is not searched for its beginning. */
const MAX_SCAN_BYTES = 1024 * 1024;

/**
 * Where the last complete line before `to` ends, not before `from`: the place for a notice. Gives `to` when the line
 * that is being written is longer than a mebibyte.
 */
export async function lastLineEnd(spool: SpoolFile, from: number, to: number): Promise<number> {
  const window = Buffer.allocUnsafe(Math.min(SCAN_BYTES, Math.max(1, to - from)));
  let end = to;
  while (end > from) {
    if (to - end >= MAX_SCAN_BYTES) return to;
    const start = Math.max(from, end - window.length);
    const bytesRead = await spool.read(window, { at: 0, length: end - start, position: start });
    const newline = window.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return from;
}
