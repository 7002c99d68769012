/** Reads a tree's nodes and the places of its files from a coordinator, trusting nothing but digests. */
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { MAX_DEPTH } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import { decodeNode, digestOf } from "./node.ts";
import type { BlobFile } from "./blob-folder.ts";
import type { ObjectSource, TreeTransport } from "./transport.ts";

/** What a tree consists of. */
export interface TreeContents {
  nodes: Map<Digest, TreeEntry[]>;
  /** Every form of every file blob in the tree, once; sizes as the nodes declare them. */
  files: BlobFile[];
  sources: ObjectSource[];
}

/** Reads all of it. Throws data-loss for a node that is missing or damaged, invalid-input for a malformed one. */
export async function readTree(root: Digest, transport: TreeTransport): Promise<TreeContents> {
  const given = new Map<Digest, Uint8Array>();
  const sources: ObjectSource[] = [];
  for await (const part of transport.readTree({ digest: root, isFile: false })) {
    for (const bytes of part.nodes) given.set(digestOf(bytes), bytes);
    for (const source of part.objects) sources.push(source);
  }
  return { ...(await collect(root, (digest) => given.get(digest))), sources };
}

/** Reads a tree of which every node can be had here. Throws as `readTree` does. */
export async function collect(
  root: Digest,
  getNode: (digest: Digest) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<Pick<TreeContents, "nodes" | "files">> {
  const nodes = new Map<Digest, TreeEntry[]>();
  const files = new Map<string, BlobFile>();
  const visit = async (digest: Digest, depth: number): Promise<void> => {
    if (nodes.has(digest)) return;
    const bytes = depth > MAX_DEPTH ? undefined : await getNode(digest);
    if (bytes === undefined) {
      throw new SpellError("data-loss", `The directory node ${digest} of tree ${root} is missing.`, {
        reason: "no-node",
      });
    }
    const entries = decodeNode(bytes);
    nodes.set(digest, entries);
    for (const entry of entries) {
      if (entry.kind === "directory") await visit(entry.digest, depth + 1);
      if (entry.kind === "file") files.set(`${entry.digest}${entry.executable ? ".x" : ""}`, entry);
    }
  };
  await visit(root, 0);
  return { nodes, files: [...files.values()] };
}

/** Where a single file lies, and its size. Throws data-loss when the coordinator names no place. */
export async function readFilePlace(
  digest: Digest,
  transport: TreeTransport,
): Promise<{ sources: ObjectSource[]; sizeBytes: number }> {
  const sources: ObjectSource[] = [];
  for await (const part of transport.readTree({ digest, isFile: true })) sources.push(...part.objects);
  const place = sources.flatMap((source) => source.blobs).find((blob) => blob.digest === digest);
  if (place === undefined) throw new SpellError("data-loss", `Nobody knows where the blob ${digest} lies.`);
  return { sources, sizeBytes: place.sizeBytes };
}
