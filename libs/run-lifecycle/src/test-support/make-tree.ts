/** Trees from plain values: a text is a file, an object a folder, `{ link }` a symbolic link. */
import { randomUUID } from "node:crypto";
import type { Digest } from "@spell/domain";
import type { StoredObject, TreeEntry } from "@spell/spellfs";
import { digestOf, encodeNode } from "@spell/spellfs";

export interface Files {
  [name: string]: string | Files | Link;
}

/** A symbolic link. */
export class Link {
  readonly target: string;

  constructor(target: string) {
    this.target = target;
  }
}

export interface MadeTree {
  root: Digest;
  /** Root last. */
  nodes: Uint8Array[];
  /** One pack that holds all of it, and its bytes. */
  object: StoredObject;
  body: Uint8Array;
}

export function makeTree(files: Files): MadeTree {
  const blobs = new Map<Digest, Uint8Array>();
  const nodes: Uint8Array[] = [];
  const keep = (bytes: Uint8Array): Digest => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const folder = (content: Files): Digest => {
    const entries = Object.entries(content).map(([name, value]): TreeEntry => {
      if (value instanceof Link) return { kind: "symlink", name, target: value.target };
      if (typeof value !== "string") return { kind: "directory", name, digest: folder(value) };
      const bytes = Buffer.from(value);
      return { kind: "file", name, sizeBytes: bytes.length, digest: keep(bytes), executable: name.endsWith(".sh") };
    });
    const node = encodeNode(entries);
    if (!blobs.has(digestOf(node))) nodes.push(node);
    return keep(node);
  };
  const root = folder(files);
  return { root, nodes, ...pack([...blobs.values()]) };
}

/** The bytes one after the other, as an object of the store. */
export function pack(parts: readonly Uint8Array[]): { object: StoredObject; body: Uint8Array } {
  let offset = 0;
  const blobs = parts.map((bytes) => {
    const place = { digest: digestOf(bytes), offset, sizeBytes: bytes.length };
    offset += bytes.length;
    return place;
  });
  const body = Buffer.concat(parts);
  return { object: { objectKey: `packs/${randomUUID()}`, sizeBytes: body.length, blobs }, body };
}
