/** A cache of trees and blobs in a folder, stored trees, and the server between them: what the cache's tests share. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Digest } from "@spell/domain";
import { tempFolder } from "@spell/testing";
import { openTreeCache } from "../cache.ts";
import type { Snapshot } from "../snapshot.ts";
import { snapshotDirectory } from "../snapshot-directory.ts";
import type { TransferOptions } from "../transfer.ts";
import { uploadTree } from "../upload.ts";
import { MemoryTransport } from "./memory-transport.ts";
import { ObjectServer } from "./object-server.ts";

/** Patience of tests. */
export const quick: TransferOptions = { retryDelayMs: 1, retries: 3, stallTimeoutMs: 500 };

/** A stored tree, a cache folder, and the server between them. */
export class CacheWorld implements AsyncDisposable {
  readonly server: ObjectServer;
  readonly transport: MemoryTransport;
  readonly folder: Awaited<ReturnType<typeof tempFolder>>;

  constructor(server: ObjectServer, folder: Awaited<ReturnType<typeof tempFolder>>) {
    this.server = server;
    this.folder = folder;
    this.transport = new MemoryTransport(server);
  }

  static async make(): Promise<CacheWorld> {
    return new CacheWorld(await ObjectServer.start(), await tempFolder());
  }

  get cachePath(): string {
    return join(this.folder.path, "cache");
  }

  open() {
    return openTreeCache({ directory: this.cachePath });
  }

  async store(
    files: Record<string, string | Buffer>,
    prepare: (path: string) => void = () => undefined,
  ): Promise<Snapshot> {
    const source = join(this.folder.path, "source");
    rmSync(source, { recursive: true, force: true });
    mkdirSync(source);
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), bytes);
    }
    prepare(source);
    const snapshot = await snapshotDirectory({ directory: source, gitAware: false });
    await uploadTree(snapshot, this.transport, quick);
    return snapshot;
  }

  blobPath(digest: Digest): string {
    return join(this.cachePath, "blobs", digest.slice(0, 2), digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
