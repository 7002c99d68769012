/** `client.uploads`: trees of this machine under names of the user's: of bytes that the store has, none travels. */
import { SpellError } from "@spell/domain";
import type { Upload as UploadRecord } from "@spell/rpc";
import { uploadTree } from "@spell/spellfs";
import type { Snapshot, UploadOptions, UploadResult } from "@spell/spellfs";
import type { CallOptions, Connection } from "./connection.ts";
import type { TreesService } from "./trees-service.ts";

export interface Upload {
  /** Its resource path is `uploads/NAME`. */
  name: string;
  fileCount: number;
  sizeBytes: number;
  createdAt: Date;
}

/** Naming a tree reads all its folders, which takes a while for the largest. */
const NAME_DEADLINE_MS = 600_000;

export class UploadsService {
  readonly #connection: Connection;
  readonly #trees: TreesService;

  /** Made by SpellClient. */
  constructor(connection: Connection, trees: TreesService) {
    this.#connection = connection;
    this.#trees = trees;
  }

  /** Stores a snapshot and names it. Repeating it is safe. Throws `already-exists` when the name stands for something else. */
  async create(
    name: string,
    snapshot: Snapshot,
    options: UploadOptions = {},
  ): Promise<{ upload: Upload; sent: UploadResult }> {
    const sent = await uploadTree(snapshot, this.#trees, options);
    const client = this.#connection.uploads;
    const { upload } = await this.#connection.unary(
      client.createUpload.bind(client),
      { name, tree: snapshot.root },
      { signal: options.signal, deadlineMs: NAME_DEADLINE_MS },
    );
    if (upload === undefined) throw new SpellError("internal", "The coordinator answered without an upload.");
    return { upload: toUpload(upload), sent };
  }

  /** By name. */
  async list(options: CallOptions = {}): Promise<Upload[]> {
    const client = this.#connection.uploads;
    const { uploads } = await this.#connection.unary(client.listUploads.bind(client), {}, options);
    return uploads.map(toUpload);
  }

  /** Removes the name; runs that mount it keep what they have. Throws `not-found`. */
  async remove(name: string, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.uploads;
    await this.#connection.unary(client.deleteUpload.bind(client), { name }, options);
  }
}

function toUpload({ name, fileCount, sizeBytes, createdAtMs }: UploadRecord): Upload {
  return { name, fileCount, sizeBytes, createdAt: new Date(createdAtMs) };
}
