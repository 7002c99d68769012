/** Lays a tree out as real folders whose files are further names of blobs of the cache. */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { BlobFolder } from "./blob-folder.ts";
import type { TreeEntry } from "./entry.ts";

const ENTRIES_PER_TURN = 256;

/** A tree whose nodes were read and whose blobs are in the folder. */
export interface MaterialiseRequest {
  root: Digest;
  /** Entries of every node of the tree. */
  nodes: ReadonlyMap<Digest, readonly TreeEntry[]>;
  blobs: BlobFolder;
  /** The folder to make; nothing may be there. */
  target: string;
  signal?: AbortSignal;
}

/**
 * Makes the folder. Links are written as they stand and never followed. Throws what the system says; then nothing is
 * left at the target.
 */
export async function materialise(request: MaterialiseRequest): Promise<void> {
  let untilTurn = ENTRIES_PER_TURN;
  const layOut = async (digest: Digest, folder: string): Promise<void> => {
    mkdirSync(folder, { mode: 0o755 });
    for (const entry of request.nodes.get(digest) ?? missing(digest)) {
      if ((untilTurn -= 1) === 0) {
        untilTurn = ENTRIES_PER_TURN;
        await nextTurn();
        request.signal?.throwIfAborted();
      }
      const path = join(folder, entry.name);
      if (entry.kind === "directory") await layOut(entry.digest, path);
      else if (entry.kind === "symlink") symlinkSync(entry.target, path);
      else await request.blobs.link(entry, path);
    }
  };
  try {
    await layOut(request.root, request.target);
  } catch (error) {
    rmSync(request.target, { recursive: true, force: true });
    throw error;
  }
}

function missing(digest: Digest): never {
  throw new SpellError("data-loss", `The directory node ${digest} is missing.`);
}
