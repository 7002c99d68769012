/** Cuts what a reader is told of a tree into messages: a folder may have more files than one message can hold. Pure. */
import type { Digest } from "@spell/domain";
import { decodeNode } from "@spell/spellfs";

/** Most of a message: bytes of nodes (a larger one goes alone), and files whose places it tells, about 90 bytes each. */
const LIMITS = { nodeBytes: 8 * 1024 * 1024, files: 100_000 };

/** A message: nodes, and the files whose places belong into it. */
export interface TreePart {
  nodes: Uint8Array[];
  files: Digest[];
}

/** One level of a tree in messages, and the folders below it, each once. */
export function partsOf(level: readonly Uint8Array[], limits = LIMITS): { parts: TreePart[]; below: Set<Digest> } {
  const parts: TreePart[] = [];
  const below = new Set<Digest>();
  let part: TreePart = { nodes: [], files: [] };
  let nodeBytes = 0;
  const next = (): void => {
    parts.push(part);
    part = { nodes: [], files: [] };
    nodeBytes = 0;
  };
  for (const node of level) {
    if (part.nodes.length > 0 && nodeBytes + node.byteLength > limits.nodeBytes) next();
    part.nodes.push(node);
    nodeBytes += node.byteLength;
    for (const entry of decodeNode(node)) {
      if (entry.kind === "directory") below.add(entry.digest);
      if (entry.kind !== "file") continue;
      // A node that fills a message leaves no room for places.
      if (part.files.length >= limits.files || (nodeBytes > limits.nodeBytes && part.nodes.length > 0)) next();
      part.files.push(entry.digest);
    }
  }
  if (part.nodes.length > 0 || part.files.length > 0) parts.push(part);
  return { parts, below };
}
