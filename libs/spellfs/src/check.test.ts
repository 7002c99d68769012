import { describe, expect, test } from "vitest";
import { SpellError } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { checkTree } from "./check.ts";
import type { TreeEntry } from "./entry.ts";
import { findPath } from "./find-path.ts";
import { buildTree, addNode } from "./build-tree.ts";
import { digestOf } from "./node.ts";

const A = digestOf(Buffer.from("a"));
const B = digestOf(Buffer.from("b"));
const file = (path: string, sizeBytes = 1, digest: Digest = A) =>
  ({ kind: "file", path, sizeBytes, digest, executable: false }) as const;

/** A chain of folders, each holding these entries, the innermost first. */
function nested(levels: TreeEntry[][]): { root: Digest; nodes: Map<Digest, Uint8Array> } {
  const nodes = new Map<Digest, Uint8Array>();
  let root: Digest | undefined;
  for (const level of levels) {
    root = addNode(
      [...level, ...(root === undefined ? [] : [{ kind: "directory", name: "d", digest: root } as const])],
      nodes,
    );
  }
  return { root: root ?? A, nodes };
}

describe("checking a tree", () => {
  test("counts places, folders, bytes and distinct blobs", async () => {
    const { root, nodes } = buildTree([
      file("a/x"),
      file("a/y"),
      file("b/c/z", 5, B),
      { kind: "directory", path: "e" },
    ]);
    const checked = await checkTree(root, (digest) => nodes.get(digest));
    expect(checked).toMatchObject({ fileCount: 3, directoryCount: 4, totalBytes: 7, height: 2, climb: 0 });
    expect(checked.files).toEqual(new Map([[A, 1], [B, 5]])); // prettier-ignore
    expect(checked.nodes.at(-1)).toBe(root);
  });

  test("names a folder that is missing, damaged or malformed", async () => {
    const { root, nodes } = buildTree([file("a/b/x")]);
    const inner = (await findPath(root, "a/b", (digest) => nodes.get(digest))) as { digest: Digest };
    const givenBy = (bytes: Uint8Array | undefined) => (digest: Digest) =>
      digest === inner.digest ? bytes : nodes.get(digest);
    await expect(checkTree(root, givenBy(undefined))).rejects.toThrow(/"a\/b".*missing/);
    await expect(checkTree(root, givenBy(Buffer.from("spell-tree 1\n")))).rejects.toThrow(/"a\/b" does not have/);
    const bad = Buffer.from("spell-tree 1\nl\tout\t/etc\n");
    await expect(checkTree(digestOf(bad), () => bad)).rejects.toThrow(/top folder.*"out"/);
    await expect(checkTree(root, givenBy(undefined))).rejects.toBeInstanceOf(SpellError);
  });

  test("refuses a link that leaves the tree, and only such a one", async () => {
    const link = (target: string): TreeEntry => ({ kind: "symlink", name: "link", target });
    const check = ({ root, nodes }: ReturnType<typeof nested>) => checkTree(root, (digest) => nodes.get(digest));
    await expect(check(nested([[link("../../x")], [], []]))).resolves.toMatchObject({ climb: 0 });
    await expect(check(nested([[link("../../../x")], [], []]))).rejects.toThrow(/"d\/d\/link" leaves/);
    await expect(check(nested([[link("..")]]))).rejects.toThrow(/"link" leaves/);
  });

  test("refuses a small tree that repeats itself into billions of files, at once", async () => {
    const nodes = new Map<Digest, Uint8Array>();
    let root = addNode([{ kind: "file", name: "f", sizeBytes: 1, digest: A, executable: false }], nodes);
    for (let level = 0; level < 60; level += 1) {
      root = addNode(
        ["l", "r"].map((name) => ({ kind: "directory", name, digest: root })),
        nodes,
      );
    }
    await expect(checkTree(root, (digest) => nodes.get(digest))).rejects.toThrow(/more than 10000000/);
  });

  test("bounds depth and the length of paths", async () => {
    const deep = nested(Array.from({ length: 258 }, () => []));
    await expect(checkTree(deep.root, (digest) => deep.nodes.get(digest))).rejects.toThrow(/deeper than 256/);
    const long = buildTree([file(Array.from({ length: 13 }, () => "n".repeat(250)).join("/"))]);
    await expect(checkTree(long.root, (digest) => long.nodes.get(digest))).rejects.toThrow(/longer than 3072/);
  });

  test("refuses one blob with two sizes", async () => {
    const { root, nodes } = buildTree([file("a", 1), file("b", 2)]);
    await expect(checkTree(root, (digest) => nodes.get(digest))).rejects.toThrow(/"b" gives a size/);
  });

  test("does not walk what is known, yet applies its summary", async () => {
    const inner = nested([
      [{ kind: "symlink", name: "up", target: "../x" }],
      [file("x")].map(({ path, ...f }) => ({ ...f, name: path })),
    ]);
    const known = new Map<Digest, Parameters<NonNullable<Parameters<typeof checkTree>[2]>["onSummary"] & object>[1]>();
    await checkTree(inner.root, (digest) => inner.nodes.get(digest), {
      onSummary: (digest, summary) => known.set(digest, summary),
    });
    const sub = (await findPath(inner.root, "d", (digest) => inner.nodes.get(digest))) as { digest: Digest };
    const alone = checkTree(sub.digest, () => undefined, { findSummary: (digest) => known.get(digest) });
    await expect(alone).rejects.toThrow(/"up" leaves/);
  });
});

describe("finding a path", () => {
  const { root, nodes } = buildTree([file("a/b/x", 3), { kind: "symlink", path: "l", target: "a" }]);
  const read = (digest: Digest) => nodes.get(digest);

  test("gives files, folders, the root, and undefined", async () => {
    expect(await findPath(root, "a/b/x", read)).toMatchObject({ kind: "file", sizeBytes: 3 });
    expect(await findPath(root, "a/b", read)).toMatchObject({ kind: "directory", name: "b" });
    expect(await findPath(root, "", read)).toEqual({ kind: "directory", name: "", digest: root });
    expect(await findPath(root, "a/c", read)).toBeUndefined();
    expect(await findPath(root, "a/b/x/y", read)).toBeUndefined();
    expect(await findPath(root, "l/b", read)).toBeUndefined();
  });

  test.each(["/a", "a/", "a//b", "../a", "a/./b", "a\0"])("refuses %j", async (path) => {
    await expect(findPath(root, path, read)).rejects.toMatchObject({ code: "invalid-input" });
  });

  test("a lost node is data-loss", async () => {
    await expect(findPath(root, "a", () => undefined)).rejects.toMatchObject({ code: "data-loss" });
  });
});

describe("building a tree", () => {
  test("does not depend on the order of the list", () => {
    const list = [file("b/x"), file("a"), { kind: "directory", path: "b" } as const, file("b/c/d")];
    expect(buildTree(list).root).toBe(buildTree([...list].reverse()).root);
  });

  test.each([
    [[file("a"), file("a")], /"a".*twice/],
    [[file("a"), file("a/b")], /"a\/b".*not a folder/],
    [[file("a/b"), file("a")], /"a".*twice/],
    [[file("../a")], /not a path/],
    [[{ kind: "symlink", path: "a/l", target: "../../x" } as const], /leaves/],
  ])("refuses what no folder could hold: %#", (list, message) => {
    expect(() => buildTree(list)).toThrow(message);
  });
});
