/** Reads and hashes a file that must stay as it is meanwhile. */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import type { Stats } from "node:fs";
import { promisify } from "node:util";
import { SpellError, conflict, messageOf } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { quoted } from "./entry.ts";
import { digestOf, toDigest } from "./node.ts";
import { bufferAt, giveRing, takeRing } from "./ring.ts";
import type { Ring } from "./ring.ts";

/** Up to this size a file is read at once: calls to a thread pool would cost several times the reading. */
export const SYNC_READ_BYTES = 256 * 1024;

const ATTEMPTS = 4;
const readAsync = promisify(read);
const syncBuffer = Buffer.allocUnsafe(SYNC_READ_BYTES + 1);

/** What hashing a file found. */
export interface HashedFile {
  digest: Digest;
  sizeBytes: number;
  executable: boolean;
}

/** A file to hash. */
export interface HashRequest {
  /** The path for system calls. */
  openPath: string;
  /** The path that users know. */
  shownPath: string;
  signal?: AbortSignal;
}

/**
 * Hashes a small file without giving up the thread; undefined when it is larger than SYNC_READ_BYTES. Throws like
 * `hashFile`.
 */
export function hashSmallFile(request: HashRequest): HashedFile | undefined {
  const { file, stats } = openRegular(request);
  try {
    for (let [attempt, before] = [0, stats]; attempt < ATTEMPTS; attempt += 1) {
      if (before.size > SYNC_READ_BYTES) return undefined;
      // Where one byte more was asked for, no further read is needed to see that it ends there.
      const bytes = syncBuffer.subarray(0, before.size + 1);
      let length = readSync(file, bytes, 0, bytes.length, 0);
      if (length < before.size) length = readFully(file, bytes);
      const after = fstatSync(file);
      if (length === before.size && isSame(before, after)) return hashed(digestOf(bytes.subarray(0, length)), before);
      before = after;
    }
  } catch (error) {
    throw unreadable(request.shownPath, error);
  } finally {
    closeSync(file);
  }
  throw changed(request.shownPath);
}

/**
 * Hashes a file of any size in a fixed amount of memory. A file that changes meanwhile is read again, three times at most.
 * Throws invalid-input when it cannot be read or is not a regular file, conflict (`file-changed`) when it keeps changing,
 * not-found when it is gone.
 */
export async function hashFile(request: HashRequest): Promise<HashedFile> {
  const { file, stats } = openRegular(request);
  const ring = takeRing();
  try {
    for (let [attempt, before] = [0, stats]; attempt < ATTEMPTS; attempt += 1) {
      const digest = await hashOpenFile(file, { ring, sizeBytes: before.size, signal: request.signal });
      const after = fstatSync(file);
      if (digest !== undefined && isSame(before, after)) return hashed(digest, before);
      before = after;
    }
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw unreadable(request.shownPath, error);
  } finally {
    giveRing(ring);
    closeSync(file);
  }
  throw changed(request.shownPath);
}

/** `piecesOf` a file that is opened for it. */
export async function* readPieces(path: string, ring: Ring): AsyncGenerator<Buffer> {
  const file = openFile(path);
  try {
    yield* piecesOf(file, ring);
  } finally {
    closeSync(file);
  }
}

/**
 * Reads an open file in pieces, the next one while the last is being used. The bytes of a piece change once two further ones were asked
 * for. Throws what the system says.
 */
async function* piecesOf(file: number, ring: Ring): AsyncGenerator<Buffer> {
  const readInto = (turn: number, offset: number) => {
    const buffer = bufferAt(ring, turn);
    return readAsync(file, buffer, 0, buffer.length, offset);
  };
  let next: ReturnType<typeof readInto> | undefined;
  try {
    let offset = 0;
    next = readInto(0, offset);
    for (let turn = 1; ; turn += 1) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) return;
      offset += bytesRead;
      next = readInto(turn, offset);
      // Its failure is told when its turn comes, if it comes.
      next.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await next?.catch(() => undefined);
  }
}

/** Not through a link that took the file's place meanwhile; and a FIFO would block the thread forever. Throws what the system says. */
export function openFile(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** Reads from the file's start until the buffer is full or the file ends; how many bytes. Throws what the system says. */
export function readFully(file: number, into: Buffer): number {
  let length = 0;
  for (let count = -1; count !== 0 && length < into.length; length += count) {
    count = readSync(file, into, length, into.length - length, length);
  }
  return length;
}

/** The refusal of a file that does not hold still. */
export function changed(path: string): SpellError {
  return conflict(`The file ${quoted(path)} changed while it was read. Wait until nothing writes it.`, "file-changed");
}

/** Undefined when the file turns out longer or shorter than it was said to be. */
async function hashOpenFile(
  file: number,
  { ring, sizeBytes, signal }: { ring: Ring; sizeBytes: number; signal?: AbortSignal },
): Promise<Digest | undefined> {
  const state = createHash("sha256");
  let length = 0;
  for await (const piece of piecesOf(file, ring)) {
    signal?.throwIfAborted();
    length += piece.length;
    if (length > sizeBytes) return undefined;
    state.update(piece);
  }
  return length === sizeBytes ? toDigest(state.digest("hex")) : undefined;
}

function openRegular({ openPath, shownPath }: HashRequest): { file: number; stats: Stats } {
  let file: number;
  try {
    file = openFile(openPath);
  } catch (error) {
    throw unreadable(shownPath, error);
  }
  const stats = fstatSync(file);
  if (stats.isFile()) return { file, stats };
  closeSync(file);
  throw changed(shownPath);
}

function isSame(before: Stats, after: Stats): boolean {
  return before.size === after.size && before.mtimeMs === after.mtimeMs;
}

function hashed(digest: Digest, stats: Stats): HashedFile {
  return { digest, sizeBytes: stats.size, executable: (stats.mode & 0o111) !== 0 };
}

/** The one wording for a path that cannot be read. */
export function unreadable(path: string, error: unknown): SpellError {
  if (error instanceof SpellError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return new SpellError("not-found", `${quoted(path)} is gone.`, { cause: error });
  if (code === "ELOOP") return changed(path);
  const why = code === "EACCES" || code === "EPERM" ? "permission denied" : messageOf(error);
  return new SpellError("invalid-input", `${quoted(path)} cannot be read (${why}).`, {
    reason: "unreadable",
    cause: error,
  });
}
