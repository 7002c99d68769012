/**
 * The directory nodes of trees that lie in a cache, made anew: only those of trees made on this machine are kept as blobs. Of files
 * nothing is read: each is a hard link to its blob, whose name is its digest.
 */
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import { isDigest } from "@spell/domain";
import { addNode } from "./build-tree.ts";
import type { TreeEntry } from "./entry.ts";

const STEPS_PER_TURN = 256;

/** All nodes of one tree after the other. One whose files were copied, because they had too many names, is left out. */
export async function* nodesOfTrees(folders: {
  blobs: string;
  trees: string;
}): AsyncGenerator<Map<Digest, Uint8Array>, void, undefined> {
  const pace = new Pace();
  const digests = await digestsByFile(folders.blobs, pace);
  for (const name of await readdir(folders.trees)) {
    const nodes = new Map<Digest, Uint8Array>();
    try {
      const root = await nodeOf(join(folders.trees, name), { digests, nodes, pace });
      if (root === name) yield nodes;
    } catch {
      // It is being removed.
    }
  }
}

class Pace {
  #left = STEPS_PER_TURN;

  /** Gives way to other work now and then. */
  async step(): Promise<void> {
    if ((this.#left -= 1) > 0) return;
    this.#left = STEPS_PER_TURN;
    await nextTurn();
  }
}

async function digestsByFile(blobs: string, pace: Pace): Promise<Map<number, string>> {
  const digests = new Map<number, string>();
  for (const prefix of await readdir(blobs)) {
    for (const name of await readdir(join(blobs, prefix))) {
      await pace.step();
      const stats = lstatSync(join(blobs, prefix, name), { throwIfNoEntry: false });
      // One that no tree links is in none.
      if (stats !== undefined && stats.nlink > 1) digests.set(stats.ino, name.replace(/\.x$/, ""));
    }
  }
  return digests;
}

interface Making {
  digests: ReadonlyMap<number, string>;
  nodes: Map<Digest, Uint8Array>;
  pace: Pace;
}

/** Undefined when what a file holds is not known. */
async function nodeOf(folder: string, making: Making): Promise<Digest | undefined> {
  const entries: TreeEntry[] = [];
  for (const { name } of readdirSync(folder, { withFileTypes: true })) {
    const entry = await entryOf(folder, name, making);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return addNode(entries, making.nodes);
}

async function entryOf(folder: string, name: string, making: Making): Promise<TreeEntry | undefined> {
  await making.pace.step();
  const path = join(folder, name);
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return { kind: "symlink", name, target: readlinkSync(path) };
  if (stats.isDirectory()) {
    const digest = await nodeOf(path, making);
    return digest && { kind: "directory", name, digest };
  }
  const digest = making.digests.get(stats.ino) ?? "";
  if (!isDigest(digest)) return undefined;
  return { kind: "file", name, sizeBytes: stats.size, digest, executable: (stats.mode & 0o111) !== 0 };
}
