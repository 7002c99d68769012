import type { Digest } from "@spell/domain";
import { digestOf, encodeNode } from "@spell/spellfs";
import type { TreeEntry } from "@spell/spellfs";
import { describe, expect, test } from "vitest";
import { partsOf } from "./tree-parts.ts";

const digest = (text: string): Digest => digestOf(Buffer.from(text));
const file = (name: string): TreeEntry => ({
  ...{ kind: "file", name, digest: digest(name), sizeBytes: 1, executable: false },
});
const folder = (name: string): TreeEntry => ({ kind: "directory", name, digest: digest(name) });

describe("the messages of one level", () => {
  const small = encodeNode([file("a"), folder("x")]);
  const other = encodeNode([file("b"), folder("x"), folder("y")]);
  const wide = encodeNode(["1", "2", "3", "4", "5"].map(file));

  test("little is one message, and folders below are named once", () => {
    expect(partsOf([small, other])).toEqual({
      parts: [{ nodes: [small, other], files: [digest("a"), digest("b")] }],
      below: new Set([digest("x"), digest("y")]),
    });
    expect(partsOf([encodeNode([])]).parts).toHaveLength(1);
  });

  test("files beyond the limit go into further messages", () => {
    const { parts } = partsOf([wide, small], { nodeBytes: 10_000, files: 2 });
    expect(parts.map(({ nodes, files }) => [nodes.length, files.length])).toEqual([
      [1, 2],
      [0, 2],
      [1, 2],
    ]);
    expect(parts.flatMap(({ files }) => files)).toEqual(["1", "2", "3", "4", "5", "a"].map(digest));
  });

  test("a node larger than a message goes without places, which follow", () => {
    const { parts } = partsOf([small, wide, other], { nodeBytes: 250, files: 100 });
    expect(parts.map(({ nodes, files }) => [nodes, files.length])).toEqual([
      [[small], 1],
      [[wide], 0],
      [[other], 6],
    ]);
  });
});
