/** Learns what of a snapshot the store lacks, in few calls and few bytes. */
import type { Digest } from "@spell/domain";
import { decodeNode } from "./node.ts";
import type { Snapshot } from "./snapshot.ts";
import type { TreeTransport, UploadTarget } from "./transport.ts";

/** A first question of this many digests stays below 4 kB: a tree that did not change costs no more, whatever its size. */
const FIRST_QUESTION = 48;
/** Keeps a message below the usual limit of 4 MiB. */
export const DIGESTS_PER_CALL = 20_000;

/** What the store lacks. */
export interface MissingBlobs {
  nodes: Digest[];
  files: Digest[];
  /** Places that came with the answer. */
  targets: UploadTarget[];
}

/**
 * Asks for everything at once when that is little; else for the nodes first, and then for the files of missing nodes only:
 * a known node says that all below it is known. Undefined when the store has the root, and with it the whole tree.
 */
export async function findMissing(
  snapshot: Snapshot,
  { transport, targets }: { transport: TreeTransport; targets: number },
): Promise<MissingBlobs | undefined> {
  const { root, nodes, files } = snapshot;
  const first =
    nodes.size + files.size <= FIRST_QUESTION
      ? [...nodes.keys(), ...files.keys()]
      : nodes.size <= FIRST_QUESTION
        ? [...nodes.keys()]
        : [root];
  const asked = new Set<Digest>();
  const missing = new Set<Digest>();
  const places: UploadTarget[] = [];
  const ask = async (digests: readonly Digest[]): Promise<void> => {
    // Nodes stand first wherever both are asked about.
    const fresh = [...new Set(digests)].filter((digest) => !asked.has(digest));
    for (let start = 0; start < fresh.length; start += DIGESTS_PER_CALL) {
      const part = fresh.slice(start, start + DIGESTS_PER_CALL);
      const answer = await transport.findMissing({
        ...{ digests: part, targets: Math.max(0, targets - places.length) },
        nodes: part.filter((digest) => nodes.has(digest)).length,
      });
      for (const digest of part) asked.add(digest);
      for (const digest of answer.missing) missing.add(digest);
      places.push(...answer.targets);
    }
  };
  await ask(first);
  if (!missing.has(root)) return undefined;
  await ask([...nodes.keys()]);
  const missingNodes = [...nodes.keys()].filter((digest) => missing.has(digest));
  // Of a tree that is all new no folder has to be read to know what is in it.
  const wanted = missingNodes.length === nodes.size ? [...files.keys()] : filesOf(missingNodes, nodes);
  await ask(wanted);
  return { nodes: missingNodes, files: wanted.filter((digest) => missing.has(digest)), targets: places };
}

function filesOf(directories: readonly Digest[], nodes: ReadonlyMap<Digest, Uint8Array>): Digest[] {
  const found = new Set<Digest>();
  for (const digest of directories) {
    for (const entry of decodeNode(nodes.get(digest) ?? new Uint8Array())) {
      if (entry.kind === "file") found.add(entry.digest);
    }
  }
  return [...found];
}
