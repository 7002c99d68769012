/** Files as a committed tree, put and recorded as a client does it. */
import type { Digest } from "@spell/domain";
import type { TreeEntry } from "@spell/spellfs";
import { digestOf, encodeNode } from "@spell/spellfs";
import type { World } from "./world.ts";
import { call } from "./world.ts";

/** A folder of text files: its node, the digests and the bytes of all of it one after the other. */
export function makeFolder(files: Record<string, string>): {
  root: Digest;
  node: Buffer;
  body: Buffer;
  blobs: { digest: Digest; offset: number; sizeBytes: number }[];
} {
  const contents = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  const entries = contents.map(({ name, bytes }): TreeEntry => {
    return { kind: "file", name, sizeBytes: bytes.length, digest: digestOf(bytes), executable: false };
  });
  const node = Buffer.from(encodeNode(entries));
  let offset = 0;
  const parts = [...contents.map(({ bytes }) => bytes), node];
  const blobs = parts.map((bytes) => {
    const place = { digest: digestOf(bytes), offset, sizeBytes: bytes.length };
    offset += bytes.length;
    return place;
  });
  return { root: digestOf(node), node, body: Buffer.concat(parts), blobs };
}

/** Uploads and commits it as Ann; gives the root. */
export async function commitFiles(world: World, files: Record<string, string>): Promise<Digest> {
  const { root, node, body, blobs } = makeFolder(files);
  const { trees } = world;
  const digests = blobs.map(({ digest }) => digest);
  const { targets } = await call(trees.findMissing.bind(trees), { digests, targets: 1, lease: undefined }, world.ann);
  const [target] = targets;
  if (target === undefined) return root;
  const put = await fetch(target.putUrl, {
    method: "PUT",
    headers: { "if-none-match": "*" },
    body: new Uint8Array(body),
  });
  if (!put.ok) throw new Error(`the store answered ${put.status}: ${await put.text()}`);
  const object = { objectKey: target.objectKey, sizeBytes: body.length, blobs };
  const request = { root, objects: [object], nodes: [node], lease: undefined, pack: undefined };
  await call(trees.commitTree.bind(trees), request, world.ann);
  return root;
}
