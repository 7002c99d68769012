/** Uploads: named trees of users. Files arrive one by one and become a tree at the end, or a tree that is there already is named. */
import type { Digest } from "@spell/domain";
import { SpellError, checkResourceName, conflict, invalidInput, isCleanRelativePath, notFound } from "@spell/domain";
import type { CompleteUpload, RunStore, UploadFile, UploadRecord } from "@spell/run-store";
import type { Principal } from "./principal.ts";
import { requireOwner, requireUser } from "./principal.ts";
import { storeUpload } from "./store-upload.ts";
import type { TreeCatalog } from "./tree-catalog.ts";
import type { UploadFolder } from "./upload-folder.ts";

export interface UploadsDeps {
  store: RunStore;
  trees: TreeCatalog;
  folder: UploadFolder;
  now(): number;
}

/** An upload to which nothing has come for so long is given up. */
const UPLOAD_IDLE_MS = 7 * 24 * 3_600_000;
/** What stays free on the coordinator's disk. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const MAX_PATH_CHARACTERS = 3_000;

export class Uploads {
  readonly #deps: UploadsDeps;
  /** Files that bytes arrive for, by number. */
  readonly #receiving = new Set<number>();
  readonly #completing = new Map<number, Promise<CompleteUpload>>();

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
  }

  /** Begins an upload, or goes on with the one of this name that is under way. Throws already-exists for a complete one. */
  async begin(
    principal: Principal,
    { name, compressed }: { name: string; compressed: boolean },
  ): Promise<UploadRecord> {
    const { userName: owner } = requireOwner(principal);
    checkResourceName("An upload", name);
    const upload = await this.#uploads.beginUpload({ owner, name, compressed }, this.#deps.now());
    if (upload.tree !== undefined) throw taken(name);
    if (upload.compressed === compressed) return upload;
    const how = upload.compressed ? "with" : "without";
    throw conflict(`An upload of "${name}" was begun ${how} --compress: go on so, or spell rm uploads/${name}.`);
  }

  /** Names a committed tree. Naming the same again is fine; already-exists for a name in use. */
  async add(principal: Principal, { name, tree }: { name: string; tree: Digest }): Promise<CompleteUpload> {
    const { userName: owner } = requireOwner(principal);
    checkResourceName("An upload", name);
    const { fileCount, totalBytes: sizeBytes } = await this.#deps.trees.measure(tree);
    if (fileCount === 0) throw invalidInput("There is no file in this upload.", "empty-upload");
    const made = await this.#uploads.addUpload({ owner, name, tree, fileCount, sizeBytes }, this.#deps.now());
    if (made !== undefined) return made;
    const present = await this.#uploads.findUpload(owner, name);
    if (present?.tree === tree) return { ...present, tree };
    throw taken(name);
  }

  /** Declares a file of an upload under way. Throws invalid-input for a path or size that cannot be. */
  async addFile(
    principal: Principal,
    { uploadId, path, sizeBytes }: { uploadId: number; path: string; sizeBytes: number },
  ): Promise<UploadFile> {
    await this.#open(principal, uploadId);
    if (!isCleanRelativePath(path) || path.length > MAX_PATH_CHARACTERS) {
      const shown = JSON.stringify(path.slice(0, 200));
      throw invalidInput(`${shown} cannot be a file of an upload: give a relative path without '..'.`, "bad-path");
    }
    const free = (await this.#deps.folder.freeBytes()) - RESERVE_BYTES;
    if (sizeBytes > free) {
      throw invalidInput(
        `The coordinator has no room for a file of ${sizeBytes} bytes: ${Math.max(0, free)} can be had.`,
        "too-large",
      );
    }
    const file = await this.#uploads.addFile({ uploadId, path, sizeBytes }, this.#deps.now());
    if (file === undefined) throw noUpload(uploadId);
    return file;
  }

  /** A file of an upload under way and how much of it has arrived. Throws not-found. */
  async findFile(principal: Principal, number: number): Promise<{ file: UploadFile; receivedBytes: number }> {
    const file = await this.#uploads.findFile(number);
    if (file === undefined) throw noFile(number);
    await this.#open(principal, file.uploadId).catch(() => {
      throw noFile(number);
    });
    return { file, receivedBytes: await this.#deps.folder.receivedBytes(file) };
  }

  /** Takes bytes; resolves with how many are here then. Throws conflict: `locked`, `wrong-offset`. */
  async append(
    principal: Principal,
    { number, offset, bytes }: { number: number; offset: number; bytes: AsyncIterable<Uint8Array> },
  ): Promise<number> {
    const { file } = await this.findFile(principal, number);
    if (this.#receiving.has(number) || this.#completing.has(file.uploadId)) {
      throw conflict("Somebody else is sending this file at the moment.", "locked");
    }
    this.#receiving.add(number);
    try {
      return await this.#deps.folder.append({ file, offset, bytes });
    } finally {
      this.#receiving.delete(number);
      await this.#uploads.touchUpload(file.uploadId, this.#deps.now());
    }
  }

  /** Makes the files a tree. Repeated, it answers the same upload. Throws invalid-input when files are missing or unusable. */
  async complete(principal: Principal, uploadId: number): Promise<CompleteUpload> {
    const upload = await this.#find(principal, uploadId);
    if (upload.tree !== undefined) return { ...upload, tree: upload.tree };
    const running = this.#completing.get(uploadId);
    if (running !== undefined) return running;
    const completing = this.#complete(upload).finally(() => this.#completing.delete(uploadId));
    this.#completing.set(uploadId, completing);
    return completing;
  }

  /** The complete ones, by name. */
  async list(principal: Principal): Promise<CompleteUpload[]> {
    return this.#uploads.listUploads(requireOwner(principal).userName);
  }

  /** Removes an upload, complete or under way; runs that mount it keep what they have. Throws not-found. */
  async remove(principal: Principal, name: string): Promise<void> {
    const { userName } = requireUser(principal);
    const upload = await this.#uploads.findUpload(userName, name);
    if (upload === undefined) throw notFound(`There is no upload "${name}".`, "no-such-upload");
    await this.#completing.get(upload.id)?.catch(() => undefined);
    await this.#uploads.removeUpload(upload.id);
    await this.#deps.folder.remove(upload.id);
  }

  /** Gives up what nobody has gone on with for a week, and removes bytes that belong to no upload under way. */
  async sweep(): Promise<void> {
    for (const { id } of await this.#uploads.listIdleUploads(this.#deps.now() - UPLOAD_IDLE_MS)) {
      if (!this.#completing.has(id)) await this.#uploads.removeUpload(id);
    }
    const open = new Set((await this.#uploads.listOpenUploads()).map(({ id }) => id));
    for (const id of await this.#deps.folder.uploadIds()) {
      if (!open.has(id) && !this.#completing.has(id)) await this.#deps.folder.remove(id);
    }
  }

  get #uploads(): RunStore["uploads"] {
    return this.#deps.store.uploads;
  }

  async #complete(upload: UploadRecord): Promise<CompleteUpload> {
    const files = await this.#uploads.listFiles(upload.id);
    if (files.some(({ number }) => this.#receiving.has(number))) {
      throw conflict(`Files of the upload "${upload.name}" are still arriving.`, "locked");
    }
    const contents = await storeUpload(this.#deps, upload, files);
    const done = await this.#uploads.completeUpload(upload.id, contents, this.#deps.now());
    if (done === undefined) throw noUpload(upload.id);
    await this.#deps.folder.remove(upload.id);
    return done;
  }

  async #open(principal: Principal, uploadId: number): Promise<UploadRecord> {
    const upload = await this.#find(principal, uploadId);
    if (upload.tree === undefined) return upload;
    throw conflict(`The upload "${upload.name}" is complete: nothing can be added.`, "upload-complete");
  }

  async #find(principal: Principal, uploadId: number): Promise<UploadRecord> {
    const upload = await this.#uploads.findUploadById(uploadId);
    if (upload?.owner === requireOwner(principal).userName) return upload;
    throw noUpload(uploadId);
  }
}

function noUpload(uploadId: number): SpellError {
  return notFound(`There is no upload ${uploadId}: it was removed, or not gone on with for a week.`, "no-such-upload");
}

function noFile(number: number): SpellError {
  return notFound(`There is no file ${number} of an upload under way.`, "no-such-file");
}

function taken(name: string): SpellError {
  return new SpellError(
    "already-exists",
    `uploads/${name} exists already: choose another name, or spell rm uploads/${name} first.`,
    {
      reason: "upload-exists",
    },
  );
}
