/** The second part of a check: every tree that the record names can be walked to its ends, and all in it is recorded as it should be. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import { hasCode, messageOf } from "@spell/domain";
import type { Marks, NumberedBlob } from "@spell/run-store";
import { REFERENCE_SOURCES } from "@spell/run-store";
import { decodeNode } from "@spell/spellfs";
import type { TreeEntry } from "@spell/spellfs";
import { readNode } from "../read-node.ts";
import type { Broken, CheckDeps } from "./check-objects.ts";

const REFERENCES = 200;
const NAMES = 500;
const NODES_AT_ONCE = 16;

/** Notes what is lost, marks what is in use; gives how many blobs were looked at. */
export async function* checkTrees(
  deps: CheckDeps,
  { marks, broken }: { marks: Marks; broken: Broken },
): AsyncGenerator<number, void, undefined> {
  const { garbage } = deps.store;
  for (const source of REFERENCE_SOURCES) {
    let after: string | undefined;
    do {
      const page = await garbage.listReferences(source, { after, limit: REFERENCES, committedSinceMs: 0 });
      const names = page.references.map(({ digest, isFile }) => ({ digest, asNode: !isFile }));
      for (const digest of await garbage.mark(marks, names)) broken.set(digest, "nothing is recorded of it");
      for (let ids = marks.take(NODES_AT_ONCE); ids.length > 0; ids = marks.take(NODES_AT_ONCE)) {
        await Promise.all((await garbage.findById(ids)).map((node) => checkNode(deps, { marks, broken, node })));
        marks.walked(ids.length);
        yield marks.count;
      }
      after = page.next;
    } while (after !== undefined);
  }
}

async function checkNode(
  deps: CheckDeps,
  { marks, broken, node }: { marks: Marks; broken: Broken; node: NumberedBlob },
): Promise<void> {
  const entries = await entriesOrLoss(deps, node);
  if (typeof entries === "string") {
    // Why the object is gone was noted already, and says more.
    if (!broken.has(node.digest)) broken.set(node.digest, entries);
    return;
  }
  const named = entries.flatMap((entry) => (entry.kind === "symlink" ? [] : [entry]));
  for (let start = 0; start < named.length; start += NAMES) {
    if (start > 0) await nextTurn();
    const part = named.slice(start, start + NAMES);
    const names = part.map(({ digest, kind }) => ({ digest, asNode: kind === "directory" }));
    for (const digest of await deps.store.garbage.mark(marks, names)) broken.set(digest, "nothing is recorded of it");
    const found = new Map(
      (await deps.store.garbage.findByDigest(part.map(({ digest }) => digest))).map((blob) => [blob.digest, blob]),
    );
    for (const entry of part) {
      const sizeBytes = found.get(entry.digest)?.sizeBytes;
      if (entry.kind !== "file" || sizeBytes === undefined || sizeBytes === entry.sizeBytes) continue;
      broken.set(entry.digest, `it is recorded with ${sizeBytes} bytes and should have ${entry.sizeBytes}`);
    }
  }
}

/** What a node holds, or why it cannot be read. Throws when the store is away: that is no loss. */
export async function entriesOrLoss({ objects }: CheckDeps, node: NumberedBlob): Promise<TreeEntry[] | string> {
  try {
    return decodeNode(await readNode(objects, node));
  } catch (error) {
    if (isLoss(error)) return messageOf(error).replace(/\.$/, "");
    throw error;
  }
}

/** Whether an error of the store says that bytes are not there or wrong. */
export function isLoss(error: unknown): boolean {
  return hasCode(error, "not-found") || hasCode(error, "data-loss") || hasCode(error, "invalid-input");
}

/** The blobs of a tree's node by their digests, one after the other. */
export async function nodeOf({ store }: CheckDeps, digest: Digest): Promise<NumberedBlob | undefined> {
  return (await store.garbage.findByDigest([digest]))[0];
}
