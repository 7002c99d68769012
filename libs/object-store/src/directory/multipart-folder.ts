/**
 * Objects in the making, below `<root>/multiparts`. Each part is written at its place of the one file that becomes the object by a
 * rename: nothing is copied, however large it is. A part counts once its bytes are flushed and a line says so; while its place is
 * written again it does not.
 */
import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { SpellError } from "@spell/domain";
import { checkLayout, checkPartNumber, checkParts, noSuchMultipart, partSize } from "../multipart.ts";
import type { Multipart, PartLayout, PartTag, StoredPart } from "../multipart.ts";
import type { MultipartInfo } from "../object-store.ts";
import type { DurableFolders } from "./durable-folder.ts";
import { errnoOf } from "./file-errors.ts";
import { unlessAbsent } from "./list-objects.ts";
import { DATA, notePart, readAbout, readParts, writeAbout } from "./multipart-log.ts";
import { newTempName } from "./temp-files.ts";
import { writeChunks } from "./write-object.ts";

/** Of so many the parts are remembered; of others they are read again. */
const MAX_REMEMBERED = 32;

interface State {
  folder: string;
  about: PartLayout & { key: string };
  parts: Map<number, StoredPart>;
  /** Puts of one part wait for each other. */
  puts: Map<number, Promise<string>>;
  /** Completed or aborted, or about to be. */
  hasEnded: boolean;
}

/** One part of one object in the making. */
export type PartName = Pick<Multipart, "key" | "uploadId"> & Pick<PartTag, "number">;

export class MultipartFolder {
  readonly #folder: string;
  readonly #tempFolder: string;
  readonly #folders: DurableFolders;
  readonly #now: () => number;
  readonly #shared = new Map<string, { users: number; state: Promise<State> }>();

  /** `folder` and `tempFolder` exist, on the file system of the objects; `folders` keeps both. */
  constructor(given: { folder: string; tempFolder: string; folders: DurableFolders; now: () => number }) {
    this.#folder = given.folder;
    this.#tempFolder = given.tempFolder;
    this.#folders = given.folders;
    this.#now = given.now;
  }

  /** Removes what was completed when the process ended before it could be. */
  async sweep(): Promise<void> {
    for (const id of await readdir(this.#folder)) {
      const files = (await unlessAbsent(readdir(join(this.#folder, id)))) ?? [];
      if (!files.includes(DATA)) await this.#remove(join(this.#folder, id));
    }
  }

  async start(key: string, layout: PartLayout): Promise<string> {
    checkLayout(layout);
    const { sizeBytes, partBytes } = layout;
    const uploadId = randomBytes(16).toString("hex");
    const temp = join(this.#tempFolder, newTempName());
    try {
      await writeAbout(temp, { key, sizeBytes, partBytes, startedAtMs: this.#now() });
      await rename(temp, join(this.#folder, uploadId));
    } catch (error) {
      await this.#discard(temp);
      throw error;
    }
    await this.#folders.sync(this.#folder);
    return uploadId;
  }

  /** Unfinished ones whose key starts with the prefix. */
  async *list(prefix: string): AsyncGenerator<MultipartInfo> {
    for (const uploadId of await readdir(this.#folder)) {
      const about = await unlessAbsent(readAbout(join(this.#folder, uploadId)));
      if (about?.key.startsWith(prefix)) yield { key: about.key, uploadId, startedAtMs: about.startedAtMs };
    }
  }

  async parts(multipart: Pick<Multipart, "key" | "uploadId">): Promise<StoredPart[]> {
    return this.#use(multipart, async ({ parts }) => [...parts.values()].sort((a, b) => a.number - b.number));
  }

  /** How many bytes a part has to have. Throws as `put` does. */
  async sizeOfPart({ number, ...multipart }: PartName): Promise<number> {
    return this.#use(multipart, async ({ about }) => {
      checkPartNumber(about, number);
      return partSize(about, number);
    });
  }

  /** Writes a part, of exactly its size; its etag. What the body throws passes through: the part is not there then. */
  async put({ number, ...multipart }: PartName, body: AsyncIterable<Uint8Array>): Promise<string> {
    return this.#use(multipart, async (state) => {
      checkPartNumber(state.about, number);
      const before = state.puts.get(number) ?? Promise.resolve();
      const write = (): Promise<string> => this.#write(state, number, body);
      const put = before.then(write, write);
      state.puts.set(number, put);
      try {
        return await put;
      } finally {
        if (state.puts.get(number) === put) state.puts.delete(number);
      }
    });
  }

  /** Makes it the file at `path`. */
  async complete(multipart: Multipart, named: readonly PartTag[], path: string): Promise<void> {
    await this.#use(multipart, async (state) => {
      // A part that is being written again is not there: so from here on nobody writes into the file.
      checkParts(state.about, { named, stored: [...state.parts.values()] });
      state.hasEnded = true;
      try {
        const data = join(state.folder, DATA);
        await this.#touch(data);
        await this.#folders.ensure(dirname(path));
        await rename(data, path);
      } catch (error) {
        state.hasEnded = false;
        throw error;
      }
      await this.#folders.sync(dirname(path));
      await this.#remove(state.folder);
    });
  }

  async abort(multipart: Pick<Multipart, "key" | "uploadId">): Promise<void> {
    try {
      await this.#use(multipart, async (state) => {
        state.hasEnded = true;
        await this.#remove(state.folder);
      });
    } catch (error) {
      if (!(error instanceof SpellError) || error.code !== "not-found") throw error;
    }
  }

  async #write(state: State, number: number, body: AsyncIterable<Uint8Array>): Promise<string> {
    const { folder, about, parts } = state;
    if (state.hasEnded) throw noSuchMultipart(about.key);
    if (parts.delete(number)) await notePart(folder, { number });
    let sum = 0;
    const summed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        sum = crc32(chunk, sum);
        yield chunk;
      }
    };
    const data = await open(join(folder, DATA), "r+");
    try {
      await writeChunks(data, summed(), (number - 1) * about.partBytes);
      await data.datasync();
    } finally {
      await data.close();
    }
    // The same bytes put again, by a client that was not sure, are the same part.
    const etag = sum.toString(16).padStart(8, "0");
    await notePart(folder, { number, etag });
    parts.set(number, { number, etag, sizeBytes: partSize(about, number) });
    return etag;
  }

  /** It counts as put now. */
  async #touch(path: string): Promise<void> {
    const data = await open(path, "r+");
    try {
      await data.utimes(new Date(this.#now()), new Date(this.#now()));
      await data.sync();
    } finally {
      await data.close();
    }
  }

  /** Nobody else's view of it is another one while it is used. */
  async #use<T>(
    { key, uploadId }: Pick<Multipart, "key" | "uploadId">,
    work: (state: State) => Promise<T>,
  ): Promise<T> {
    if (!/^[0-9a-f]{32}$/.test(uploadId)) throw noSuchMultipart(key);
    let shared = this.#shared.get(uploadId);
    if (shared === undefined) {
      shared = { users: 0, state: this.#load(uploadId) };
      this.#shared.set(uploadId, shared);
    }
    shared.users += 1;
    let isGone = true;
    try {
      const state = await shared.state;
      isGone = state.hasEnded;
      if (state.about.key !== key || state.hasEnded) throw noSuchMultipart(key);
      try {
        return await work(state);
      } finally {
        isGone = state.hasEnded;
      }
    } catch (error) {
      throw errnoOf(error) === "ENOENT" ? noSuchMultipart(key) : error;
    } finally {
      shared.users -= 1;
      if (isGone && shared.users === 0) this.#shared.delete(uploadId);
      this.#forgetSome();
    }
  }

  async #load(uploadId: string): Promise<State> {
    const folder = join(this.#folder, uploadId);
    const about = await readAbout(folder);
    return { folder, about, parts: await readParts(folder, about), puts: new Map(), hasEnded: false };
  }

  #forgetSome(): void {
    for (const [uploadId, { users }] of this.#shared) {
      if (this.#shared.size <= MAX_REMEMBERED) return;
      if (users === 0) this.#shared.delete(uploadId);
    }
  }

  /** In one step first, so that nobody sees half of it. */
  async #remove(folder: string): Promise<void> {
    const temp = join(this.#tempFolder, newTempName());
    await unlessAbsent(rename(folder, temp));
    await this.#discard(temp);
  }

  async #discard(temp: string): Promise<void> {
    await rm(temp, { recursive: true, force: true }).catch(() => undefined); // the sweep at the next start gets it
  }
}
