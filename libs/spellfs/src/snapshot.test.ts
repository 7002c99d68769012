import { describe, expect, test } from "vitest";
import type { Digest } from "@spell/domain";
import { addNode } from "./build-tree.ts";
import { findPath } from "./find-path.ts";
import { decodeNode, digestOf } from "./node.ts";
import { emptySnapshot, graft, wrap } from "./snapshot.ts";
import type { Snapshot } from "./snapshot.ts";

function oneFile(name: string, text: string): Snapshot {
  const nodes = new Map<Digest, Uint8Array>();
  const digest = digestOf(Buffer.from(text));
  const root = addNode([{ kind: "file", name, sizeBytes: text.length, digest, executable: false }], nodes);
  const files = new Map([[digest, { path: `/src/${name}`, sizeBytes: text.length }]]);
  return { root, nodes, files, fileCount: 1, totalBytes: text.length, skipped: [{ path: "sub", why: "because" }] };
}

const at = (snapshot: Snapshot, path: string) => findPath(snapshot.root, path, (digest) => snapshot.nodes.get(digest));

describe("composing snapshots", () => {
  test("wrap puts a tree into a folder", async () => {
    const wrapped = wrap("repo", oneFile("a", "xyz"));
    expect(await at(wrapped, "repo/a")).toMatchObject({ kind: "file", sizeBytes: 3 });
    expect(wrapped).toMatchObject({ fileCount: 1, totalBytes: 3, skipped: [{ path: "repo/sub" }] });
    expect(() => wrap("a/b", emptySnapshot())).toThrow(/'\/'/);
  });

  test("graft replaces what is there and forgets it", async () => {
    const outer = wrap("sub", oneFile("old", "old bytes"));
    const grafted = graft(outer, "sub", oneFile("new", "n"));
    expect(await at(grafted, "sub/new")).toMatchObject({ kind: "file" });
    expect(await at(grafted, "sub/old")).toBeUndefined();
    expect(grafted).toMatchObject({ fileCount: 1, totalBytes: 1 });
    expect(grafted.files.size).toBe(1);
    expect(grafted.nodes.size).toBe(2);
    expect(outer.nodes.size).toBe(2);
  });

  test("graft makes folders on the way and settles what was skipped", async () => {
    const grafted = graft(oneFile("a", "1"), "sub/deep", oneFile("b", "2"));
    expect(await at(grafted, "sub/deep/b")).toBeDefined();
    expect(await at(grafted, "a")).toBeDefined();
    expect(graft(oneFile("a", "1"), "sub", emptySnapshot()).skipped).toEqual([]);
  });

  test("graft refuses to go through a file, and paths that are not clean", () => {
    expect(() => graft(oneFile("a", "1"), "a/b", emptySnapshot())).toThrow(/below "a"/);
    expect(() => graft(emptySnapshot(), "../a", emptySnapshot())).toThrow(/not a path/);
    expect(() => graft(emptySnapshot(), "", emptySnapshot())).toThrow(/not a path/);
  });

  test("the empty tree has one node and no entries", () => {
    const { root, nodes } = emptySnapshot();
    expect(decodeNode(nodes.get(root) ?? new Uint8Array())).toEqual([]);
  });
});
