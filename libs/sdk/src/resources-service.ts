/** `client.resources`: what runs wrote and users uploaded: lists, and copies on this machine. */
import { SpellError } from "@spell/domain";
import type { ResourceEntry } from "@spell/rpc";
import { downloadTree } from "@spell/spellfs";
import type { DownloadProgress, DownloadResult, DownloadSource, TransferOptions, TreeTransport } from "@spell/spellfs";
import type { Connection } from "./connection.ts";
import { toDigest } from "./trees-service.ts";

/** One line of a list. */
export interface ResourceLine {
  /** Relative to what was listed. Folders end with `/`, uploads do not. */
  name: string;
  /** Files and symbolic links only. */
  sizeBytes?: number;
  /** When it came to be. */
  madeAt?: Date;
  /** Where a link leads. */
  linkTarget?: string;
}

export interface CopyOptions extends TransferOptions {
  /** The folder that it goes into; made if it is not there. Default: the present one. */
  directory?: string;
  /** Asked, one after the other, about files that would replace others. Default: all may. */
  mayReplace?: (path: string) => Promise<boolean>;
  /** Called as bytes come. */
  onProgress?: (progress: DownloadProgress) => void;
}

export class ResourcesService {
  readonly #connection: Connection;

  /** Made by SpellClient. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * What lies at a path (`runs/12/save`, `uploads/data`, `ALIAS/save`); the empty one has all kinds. Throws `not-found`, `conflict` for
   * what is not there yet.
   */
  async *list(path: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<ResourceLine, void, undefined> {
    const client = this.#connection.resources;
    for await (const { lines } of this.#connection.stream(client.listResources.bind(client), { path }, options)) {
      for (const { name, sizeBytes, madeAtMs, linkTarget } of lines) {
        const madeAt = madeAtMs === 0 ? undefined : new Date(madeAtMs);
        yield { name, sizeBytes, madeAt, linkTarget: linkTarget || undefined };
      }
    }
  }

  /**
   * Copies a file, or what lies in a folder. Files take their places once all bytes are here and were checked: a copy that fails
   * changes nothing. Throws as `list`, and `data-loss`.
   */
  async copy(path: string, options: CopyOptions = {}): Promise<DownloadResult> {
    const { directory = ".", ...rest } = options;
    const source = await this.#find(path, options.signal);
    if (source === undefined) return { fileCount: 0, totalBytes: 0, skipped: [] };
    return downloadTree(source, this.#transport(path, options.signal), { ...rest, directory });
  }

  async #find(path: string, signal: AbortSignal | undefined): Promise<DownloadSource | undefined> {
    const client = this.#connection.resources;
    for await (const { entry } of this.#connection.stream(client.readResource.bind(client), { path }, { signal })) {
      if (entry !== undefined) return toSource(entry);
    }
    throw new SpellError("internal", `The coordinator did not say what "${path}" is.`);
  }

  /** Reads by the path: knowing a digest is not enough for everybody who may read what a path leads to. */
  #transport(path: string, signal: AbortSignal | undefined): TreeTransport {
    const refuse = (): never => {
      throw new SpellError("internal", "A copy writes no tree.");
    };
    const client = this.#connection.resources;
    const stream = () => this.#connection.stream(client.readResource.bind(client), { path }, { signal });
    return {
      findMissing: refuse,
      commitTree: refuse,
      async *readTree() {
        for await (const { nodes, objects } of stream()) {
          yield {
            nodes,
            objects: objects.map(({ getUrl, blobs }) => {
              return { getUrl, blobs: blobs.map((blob) => ({ ...blob, digest: toDigest(blob.digest) })) };
            }),
          };
        }
      },
    };
  }
}

function toSource(entry: ResourceEntry): DownloadSource | undefined {
  const { name, sizeBytes, executable } = entry;
  if (entry.digest === "") return undefined;
  const digest = toDigest(entry.digest);
  if (!entry.isFile) return { kind: "directory", digest };
  return { kind: "file", file: { kind: "file", name, digest, sizeBytes, executable } };
}
