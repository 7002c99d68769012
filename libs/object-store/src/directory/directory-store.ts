/**
 * The embedded object store: objects are files below `<root>/objects`, puts in progress are files in `<root>/tmp`, objects that are put
 * in parts are folders in `<root>/multiparts`.
 *
 * Rule of names: the object with key `a/b` is the file `objects/a/b!`. Folders carry no `!`, so a key may also be the
 * beginning of another key's path: `a` and `a/b` both exist. Folders stay when their last object goes: removing one
 * could race with a put that counts on it. A delete is not flushed: after a power cut the object may be back.
 */
import { open, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { SpellError, invalidInput } from "@spell/domain";
import { checkKey, checkPrefix, nameOfKey } from "../object-key.ts";
import type { ByteRange, ObjectInfo, ObjectStore } from "../object-store.ts";
import { checkPartNumber } from "../multipart.ts";
import { checkPresignSeconds, checkRangeForm, noSuchObject, rangeOutside } from "../request-limits.ts";
import { createDurableFolders, makeDurable } from "./durable-folder.ts";
import { fileError, unusableRoot } from "./file-errors.ts";
import { listObjects, objectInfo, unlessAbsent } from "./list-objects.ts";
import { MultipartFolder } from "./multipart-folder.ts";
import type { PartName } from "./multipart-folder.ts";
import { sweepTempFiles } from "./temp-files.ts";
import { signUrl, verifyUrl } from "./url-signature.ts";
import type { SignedPart, Verdict } from "./url-signature.ts";
import { writeObject } from "./write-object.ts";

/** Shortest secret accepted, in bytes. */
const MIN_SECRET_BYTES = 16;

export interface DirectoryStoreOptions {
  /** Folder of the store, made when absent; all of it on one file system. */
  root: string;
  /** Where agents and clients reach the HTTP server that runs the store's handler: `http://host:port`; a function when the port is known only later. */
  publicUrl: string | (() => string);
  /** Signs URLs; at least 16 bytes. Keep it over restarts, or URLs given out before stop working. */
  secret: string | Uint8Array;
  /** Clock in unix milliseconds; default Date.now. */
  now?: () => number;
}

/** An object opened for reading; whoever opened it closes the handle. */
export interface OpenObject {
  handle: FileHandle;
  sizeBytes: number;
}

/** The embedded store: the contract, and what its HTTP handler needs. */
export interface DirectoryStore extends ObjectStore {
  /**
   * Stores bytes as they arrive, as `put` does. Chunks are taken over: those that are written are empty afterwards. A SpellError thrown by
   * the source passes through; nothing is stored.
   */
  putStream(key: string, body: AsyncIterable<Uint8Array>, options?: { onlyNew: boolean }): Promise<void>;
  /** The size that a part must have. Throws as `putPart` does. */
  sizeOfPart(part: PartName): Promise<number>;
  /** Stores a part as it arrives; its etag. Throws not-found (`no-such-multipart`), invalid-input (`bad-parts`). */
  putPart(part: PartName, body: AsyncIterable<Uint8Array>): Promise<string>;
  /** Undefined when absent. */
  open(key: string): Promise<OpenObject | undefined>;
  /** Whether the query of a URL allows this request. */
  verify(request: { method: string; key: string; query: URLSearchParams }): Verdict;
}

/**
 * Opens the store and sweeps the temp files of crashed puts. Throws invalid-input (reason `folder-not-usable`) when the
 * folder cannot be written, exhausted (reason `disk-full`) when it cannot be made for lack of space.
 */
export async function createDirectoryStore(options: DirectoryStoreOptions): Promise<DirectoryStore> {
  const { root, publicUrl, secret, now = Date.now } = options;
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    throw invalidInput(`The secret of the object store needs at least ${MIN_SECRET_BYTES} bytes.`, "weak-secret");
  }
  const objectsFolder = join(root, "objects");
  const tempFolder = join(root, "tmp");
  const folders = createDurableFolders(objectsFolder);
  const multiparts = new MultipartFolder({ folder: join(root, "multiparts"), tempFolder, folders, now });
  try {
    await makeDurable(objectsFolder);
    await makeDurable(tempFolder);
    await makeDurable(join(root, "multiparts"));
    await sweepTempFiles(tempFolder);
    await multiparts.sweep();
  } catch (error) {
    throw unusableRoot(error, root);
  }

  const pathOf = (key: string): string => {
    checkKey(key);
    return join(objectsFolder, nameOfKey(key));
  };
  const write = async (
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    { onlyNew } = { onlyNew: false },
  ): Promise<void> => {
    const path = pathOf(key);
    await writeObject({ path, body, tempFolder, folders, onlyNew }).catch((error: unknown) => {
      throw fileError(error, `store the object "${key}"`);
    });
  };
  const openObject = async (key: string): Promise<OpenObject | undefined> => {
    const handle = await unlessAbsent(open(pathOf(key), "r"));
    if (handle === undefined) return undefined;
    try {
      return { handle, sizeBytes: (await handle.stat()).size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  };
  const presign = (
    facts: { method: "GET" | "PUT"; key: string; part?: SignedPart; onlyNew?: boolean },
    expiresInSeconds: number,
  ): string => {
    checkKey(facts.key);
    checkPresignSeconds(expiresInSeconds);
    const expiresAtSeconds = Math.floor(now() / 1000) + expiresInSeconds;
    return signUrl({
      ...{ ...facts, secret, expiresAtSeconds },
      publicUrl: typeof publicUrl === "function" ? publicUrl() : publicUrl,
    });
  };

  return {
    put: (key, body) => write(key, body),
    putStream: write,
    open: (key) => reading(key, () => openObject(key)),
    get: (key, range) =>
      reading(key, async () => {
        if (range !== undefined) checkRangeForm(range);
        const object = await openObject(key);
        if (object === undefined) throw noSuchObject(key);
        try {
          return await readRange(key, object, range);
        } finally {
          await object.handle.close();
        }
      }),
    find: (key) =>
      reading(key, async (): Promise<ObjectInfo | undefined> => {
        const found = await unlessAbsent(stat(pathOf(key)));
        return found && objectInfo(key, found);
      }),
    delete: async (key) => {
      const path = pathOf(key);
      await rm(path, { force: true }).catch((error: unknown) => {
        throw fileError(error, `delete the object "${key}"`);
      });
    },
    list: async function* (prefix) {
      checkPrefix(prefix);
      try {
        yield* listObjects(objectsFolder, prefix);
      } catch (error) {
        throw fileError(error, "list the objects");
      }
    },
    presignPut: async (key, expiresInSeconds, { onlyNew } = { onlyNew: false }) =>
      presign({ method: "PUT", key, onlyNew }, expiresInSeconds),
    presignGet: async (key, expiresInSeconds) => presign({ method: "GET", key }, expiresInSeconds),
    startMultipart: async (key, layout) => {
      checkKey(key);
      return inParts(key, () => multiparts.start(key, layout));
    },
    presignPart: async (multipart, number, expiresInSeconds) => {
      checkPartNumber(multipart, number);
      const { key, uploadId } = multipart;
      return presign({ method: "PUT", key, part: { uploadId, number: String(number) } }, expiresInSeconds);
    },
    listParts: (multipart) => inParts(multipart.key, () => multiparts.parts(multipart)),
    completeMultipart: async (multipart, parts) => {
      const path = pathOf(multipart.key);
      await inParts(multipart.key, () => multiparts.complete(multipart, parts, path));
    },
    abortMultipart: (multipart) => inParts(multipart.key, () => multiparts.abort(multipart)),
    listMultiparts: async function* (prefix) {
      checkPrefix(prefix);
      try {
        yield* multiparts.list(prefix);
      } catch (error) {
        throw fileError(error, "list the objects that are put in parts");
      }
    },
    sizeOfPart: (part) => inParts(part.key, () => multiparts.sizeOfPart(part)),
    putPart: (part, body) => inParts(part.key, () => multiparts.put(part, body)),
    verify: ({ method, key, query }) => verifyUrl({ secret, key, requestMethod: method, query, nowMs: now() }),
  };
}

async function reading<T>(key: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw fileError(error, `read the object "${key}"`);
  }
}

async function inParts<T>(key: string, operation: () => Promise<T>): Promise<T> {
  checkKey(key);
  try {
    return await operation();
  } catch (error) {
    throw fileError(error, `put the object "${key}" in parts`);
  }
}

async function readRange(key: string, object: OpenObject, range: ByteRange | undefined): Promise<Uint8Array> {
  const { offset, length } = range ?? { offset: 0, length: object.sizeBytes };
  if (offset + length > object.sizeBytes) throw rangeOutside(key, { offset, length }, object.sizeBytes);
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await object.handle.read(bytes, done, length - done, offset + done);
    // Objects never shrink, so an early end is damage.
    if (bytesRead === 0) throw new SpellError("data-loss", `The file of the object "${key}" is shorter than it was.`);
    done += bytesRead;
  }
  return bytes;
}
