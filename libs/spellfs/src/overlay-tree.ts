/** One tree laid over a folder of another: what both have is the upper one's, folders are joined. */
import type { Digest } from "@spell/domain";
import { addNode } from "./build-tree.ts";
import type { TreeNodes } from "./build-tree.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode } from "./node.ts";

/** `at`: name of the folder in the base; empty: its top. Gives the new tree and those of its nodes that neither had. */
export async function overlayTree(
  { base, at, over }: { base: Digest; at: string; over: Digest },
  readNode: (digest: Digest) => Promise<Uint8Array>,
): Promise<TreeNodes> {
  const nodes = new Map<Digest, Uint8Array>();
  const join = async (lower: Digest, upper: Digest): Promise<Digest> => {
    const entries = byName(decodeNode(await readNode(lower)));
    for (const entry of decodeNode(await readNode(upper))) {
      const below = entries.get(entry.name);
      const joins = entry.kind === "directory" && below?.kind === "directory" && below.digest !== entry.digest;
      entries.set(entry.name, joins ? { ...entry, digest: await join(below.digest, entry.digest) } : entry);
    }
    return addNode(entries.values(), nodes);
  };
  if (at === "") return { root: await join(base, over), nodes };
  const top = byName(decodeNode(await readNode(base)));
  const folder = top.get(at);
  const digest = folder?.kind === "directory" ? await join(folder.digest, over) : over;
  top.set(at, { kind: "directory", name: at, digest });
  return { root: addNode(top.values(), nodes), nodes };
}

function byName(entries: readonly TreeEntry[]): Map<string, TreeEntry> {
  return new Map(entries.map((entry) => [entry.name, entry]));
}
