/** The first part of a collection: everything that the record names, and all below it, is marked as alive. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import { SpellError, hasCode, messageOf } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { Marks, NumberedBlob, RunStore } from "@spell/run-store";
import { REFERENCE_SOURCES } from "@spell/run-store";
import { decodeNode } from "@spell/spellfs";
import { readNode } from "../read-node.ts";

export interface MarkDeps {
  store: Pick<RunStore, "garbage">;
  objects: ObjectStore;
}

export interface MarkOptions {
  marks: Marks;
  /** Trees committed since then live, whether anything names them or not. */
  committedSinceMs: number;
  /** Go on past what is lost: what lies below a lost folder may then be collected. Default: throw data-loss. */
  despiteLosses: boolean;
}

/** References looked at in one go of the thread. */
const REFERENCES = 200;
/** Names looked up in one go of the thread. */
const NAMES = 500;
/** Nodes read at once; so many are in memory. */
const NODES_AT_ONCE = 16;

/** Gives after each piece of work how many blobs are marked. Throws data-loss for a folder that cannot be read. */
export async function* markAlive(deps: MarkDeps, options: MarkOptions): AsyncGenerator<number, void, undefined> {
  const { marks, committedSinceMs } = options;
  const { garbage } = deps.store;
  for (const source of REFERENCE_SOURCES) {
    let after: string | undefined;
    do {
      const page = await garbage.listReferences(source, { after, limit: REFERENCES, committedSinceMs });
      // Of what is not recorded nothing can be kept, nor lost any more.
      await garbage.mark(
        marks,
        page.references.map(({ digest, isFile }) => ({ digest, asNode: !isFile })),
      );
      yield marks.count;
      yield* walkMarked(deps, options);
      after = page.next;
    } while (after !== undefined);
  }
}

/** Marks what marked nodes name, until all is. */
export async function* walkMarked(deps: MarkDeps, options: MarkOptions): AsyncGenerator<number, void, undefined> {
  const { marks } = options;
  for (;;) {
    const ids = marks.take(NODES_AT_ONCE);
    if (ids.length === 0) return;
    const nodes = await deps.store.garbage.findById(ids);
    await Promise.all(nodes.map((node) => walkOne(deps, options, node)));
    marks.walked(ids.length);
    yield marks.count;
  }
}

async function walkOne(deps: MarkDeps, options: MarkOptions, node: NumberedBlob): Promise<void> {
  const names = await namesIn(deps, options, node);
  for (let start = 0; start < names.length; start += NAMES) {
    if (start > 0) await nextTurn();
    const absent = await deps.store.garbage.mark(options.marks, names.slice(start, start + NAMES));
    const lost = absent.find((digest) => names.some((name) => name.asNode && name.digest === digest));
    if (lost !== undefined && !options.despiteLosses) throw damaged(lost, "it is not recorded");
  }
}

async function namesIn(
  { objects }: MarkDeps,
  { despiteLosses }: MarkOptions,
  node: NumberedBlob,
): Promise<{ digest: Digest; asNode: boolean }[]> {
  try {
    return decodeNode(await readNode(objects, node)).flatMap((entry) =>
      entry.kind === "symlink" ? [] : [{ digest: entry.digest, asNode: entry.kind === "directory" }],
    );
  } catch (error) {
    // A store that is away is no loss.
    if (["data-loss", "not-found", "invalid-input"].every((code) => !hasCode(error, code as "data-loss"))) throw error;
    if (despiteLosses) return [];
    throw damaged(node.digest, messageOf(error));
  }
}

function damaged(digest: Digest, why: string): SpellError {
  const message = `The folder ${digest} is in use and lost (${why.replace(/\.$/, "")}): nothing was collected, so that no more is lost. "spell fsck" tells what it belongs to.`;
  return new SpellError("data-loss", message, { reason: "lost-folder" });
}
