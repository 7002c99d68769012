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
  const nodes = new Map<Digest, TreeEntry[]>();
  const files = new Map<string, BlobFile>();
  const visit = (digest: Digest, depth: number): void => {
    if (nodes.has(digest)) return;
    const bytes = given.get(digest);
    if (bytes === undefined || depth > MAX_DEPTH) {
      throw new SpellError("data-loss", `The directory node ${digest} of tree ${root} is missing.`, {
        reason: "no-node",
      });
    }
    const entries = decodeNode(bytes);
    nodes.set(digest, entries);
    for (const entry of entries) {
      if (entry.kind === "directory") visit(entry.digest, depth + 1);
      if (entry.kind === "file") files.set(`${entry.digest}${entry.executable ? ".x" : ""}`, entry);
    }
  };
  visit(root, 0);
  return { nodes, files: [...files.values()], sources };
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
