/**
 * The blobs of a cache: `blobs/<aa>/<sha256>` (mode 0444), and `<sha256>.x` (0555) for executables, since trees hard-link
 * them and a link shares its file's mode. A file gets its name only when its bytes were checked.
 *
 * Nothing is fsynced: the cache can always be filled again, and thousands of small fsyncs would cost seconds. A process that
 * dies loses nothing that was published, for the system keeps written pages. A machine that loses power may keep a name and
 * lose bytes. It is noticed like this: `state.json` holds the id of the machine's boot; after another boot every blob
 * published before counts as suspect and is hashed at its next use, and trees, whose links may share the damage, are made
 * anew. Besides, the size of every blob is compared with that in the directory node whenever a tree is made.
 */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { takenBytes } from "./cache-survey.ts";
import { errnoOf } from "./disk.ts";
import { quoted } from "./entry.ts";
import { hashFile } from "./hash-file.ts";
import { digestOf } from "./node.ts";

/** A blob as a file with or without the right to execute it. */
export interface BlobFile {
  digest: Digest;
  executable: boolean;
  /** Undefined: not known, so not compared. */
  sizeBytes?: number;
}

/** Where the first name of a new blob goes, outside the folder; its form is made. */
export interface FirstPlace {
  path: string;
  executable: boolean;
}

/** Disks give space in blocks. */
const BLOCK_BYTES = 4096;

/** What bytes take on the disk at most, without asking it. */
export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Makes the folders for blobs, all at once: later a blob costs no check for its own. */
export function makeBlobFolders(blobs: string): void {
  mkdirSync(blobs, { recursive: true });
  for (let first = 0; first < 256; first += 1) {
    mkdirSync(join(blobs, first.toString(16).padStart(2, "0")), { recursive: true });
  }
}

/** Blobs on this disk. Methods throw what the system says. */
export class BlobFolder {
  readonly #blobs: string;
  readonly #temporary: string;
  /** Unix time, milliseconds: files whose status is older were written before the machine last started. */
  readonly #suspectBeforeMs: number;
  /** Told what a new blob takes on the disk. */
  readonly #onPublished: ((bytes: number) => void) | undefined;

  constructor(given: {
    blobs: string;
    temporary: string;
    suspectBeforeMs: number;
    onPublished?: (bytes: number) => void;
  }) {
    this.#blobs = given.blobs;
    this.#temporary = given.temporary;
    this.#suspectBeforeMs = given.suspectBeforeMs;
    this.#onPublished = given.onPublished;
  }

  /** Where this blob lies once it is here. */
  pathOf({ digest, executable }: BlobFile): string {
    return join(this.#blobs, digest.slice(0, 2), executable ? `${digest}.x` : digest);
  }

  /** Whether the blob is here in either form, with this size when one is given. */
  has(digest: Digest, sizeBytes?: number): boolean {
    return [false, true].some((executable) => {
      const stats = this.#stat({ digest, executable });
      return stats !== undefined && (sizeBytes === undefined || stats.size === sizeBytes);
    });
  }

  /** The path when a sound blob is here in this form; one that is not sound is removed. One stat when all is well. */
  async find(file: BlobFile): Promise<string | undefined> {
    const stats = this.#stat(file);
    if (stats === undefined) return undefined;
    const path = this.pathOf(file);
    if (file.sizeBytes !== undefined && stats.size !== file.sizeBytes) {
      rmSync(path, { force: true });
      return undefined;
    }
    if (stats.ctimeMs >= this.#suspectBeforeMs) return path;
    const { digest } = await hashFile({ openPath: path, shownPath: path });
    if (digest !== file.digest) {
      rmSync(path, { force: true });
      return undefined;
    }
    // Sets the time of the last status change: no longer suspect.
    chmodSync(path, modeOf(file));
    return path;
  }

  /** Like `find`, but makes the form asked for from the other one if only that is here. */
  async findEitherForm(file: BlobFile): Promise<string | undefined> {
    const path = await this.find(file);
    if (path !== undefined) return path;
    const other = await this.find({ ...file, executable: !file.executable });
    return other === undefined ? undefined : this.#publishCopy(other, file);
  }

  /** Whether a sound blob is here in one form at least. */
  async hasEitherForm(file: BlobFile): Promise<boolean> {
    if ((await this.find(file)) !== undefined) return true;
    return (await this.find({ ...file, executable: !file.executable })) !== undefined;
  }

  /** Where a blob lies in either form, with its size on the disk; its bytes are not looked at. */
  locate(digest: Digest): { digest: Digest; path: string; sizeBytes: number } | undefined {
    for (const executable of [false, true]) {
      const sizeBytes = this.#stat({ digest, executable })?.size;
      if (sizeBytes !== undefined) return { digest, path: this.pathOf({ digest, executable }), sizeBytes };
    }
    return undefined;
  }

  /** The same once its bytes were hashed. Other bytes are removed; what cannot be read now stays, because it may be the last copy. */
  async locateSound(digest: Digest): Promise<{ digest: Digest; path: string; sizeBytes: number } | undefined> {
    for (const executable of [false, true]) {
      const path = this.pathOf({ digest, executable });
      if (this.#stat({ digest, executable }) === undefined) continue;
      const hashed = await hashFile({ openPath: path, shownPath: path }).catch(() => undefined);
      if (hashed?.digest === digest) return { digest, path, sizeBytes: hashed.sizeBytes };
      if (hashed !== undefined) rmSync(path, { force: true });
    }
    return undefined;
  }

  /** The bytes of a blob that is here and sound. */
  async read(digest: Digest): Promise<Buffer | undefined> {
    const path = await this.find({ digest, executable: false });
    if (path === undefined) return undefined;
    const bytes = readFileSync(path);
    return digestOf(bytes) === digest ? bytes : undefined;
  }

  /** Publishes bytes that were checked. */
  publishBytes(file: BlobFile, bytes: Uint8Array): void {
    const temporary = this.temporaryPath();
    writeNew(temporary, bytes, modeOf(file));
    renameSync(temporary, this.pathOf(file));
    this.#onPublished?.(blocksOf(bytes.length));
  }

  /** The same, with a further name that comes first: the name in here is a link to a file that is whole already. */
  publishBytesAt({ path, executable }: FirstPlace, digest: Digest, bytes: Uint8Array): void {
    const file = { digest, executable };
    writeNew(path, bytes, modeOf(file));
    try {
      linkSync(path, this.pathOf(file));
      this.#onPublished?.(blocksOf(bytes.length));
    } catch (error) {
      rmSync(path, { force: true });
      if (errnoOf(error) !== "EEXIST") throw error;
      // Somebody else had it: one file, however many names.
      linkSync(this.pathOf(file), path);
    }
  }

  /** Publishes a file of the same disk whose bytes were checked, by renaming it. */
  publishFile(file: BlobFile, path: string): string {
    const target = this.pathOf(file);
    chmodSync(path, modeOf(file));
    renameSync(path, target);
    this.#onPublished?.(takenBytes(statSync(target)));
    return target;
  }

  /** Moves a file from elsewhere in, copying only when it lies on another disk. */
  async adopt(file: BlobFile, path: string): Promise<string> {
    const here = await this.find(file);
    if (here !== undefined) {
      rmSync(path, { force: true });
      return here;
    }
    try {
      return this.publishFile(file, path);
    } catch (error) {
      if (errnoOf(error) !== "EXDEV") throw error;
    }
    const target = await this.#publishCopy(path, file);
    rmSync(path, { force: true });
    return target;
  }

  /** Gives the blob a further name. */
  async link(file: BlobFile, target: string): Promise<void> {
    try {
      linkSync(this.pathOf(file), target);
    } catch (error) {
      // The file has as many names as the file system allows (65,000 on ext4): go on with a fresh copy of it.
      if (errnoOf(error) === "EMLINK") await this.#publishCopy(this.pathOf(file), file);
      // Or only the other form is here.
      else if (errnoOf(error) !== "ENOENT" || (await this.findEitherForm(file)) === undefined) throw error;
      linkSync(this.pathOf(file), target);
    }
  }

  /** A path that nobody else uses and that is cleared when the cache is opened. */
  temporaryPath(): string {
    return join(this.#temporary, randomUUID());
  }

  #stat(file: BlobFile): Stats | undefined {
    const stats = statSync(this.pathOf(file), { throwIfNoEntry: false });
    return stats?.isFile() ? stats : undefined;
  }

  async #publishCopy(source: string, file: BlobFile): Promise<string> {
    const temporary = this.temporaryPath();
    try {
      await copyFile(source, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const { digest } = await hashFile({ openPath: temporary, shownPath: source });
      if (digest !== file.digest) {
        throw new SpellError("data-loss", `${quoted(source)} does not hold the bytes of ${file.digest} any more.`);
      }
      return this.publishFile(file, temporary);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}

/** Bits that the process takes away from new files. Looked at once: to look is to set it twice, for all threads. */
const MASK = process.umask();

/** Writes a file that nobody has; of one that did not become whole nothing is left. */
function writeNew(path: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    for (let offset = 0; offset < bytes.length;) offset += writeSync(file, bytes, offset);
    if ((MASK & mode) !== 0) fchmodSync(file, mode);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function modeOf({ executable }: BlobFile): number {
  return executable ? 0o555 : 0o444;
}
