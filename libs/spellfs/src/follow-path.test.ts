import { expect, it } from "vitest";
import { buildTree } from "./build-tree.ts";
import { followPath } from "./follow-path.ts";
import { digestOf } from "./node.ts";

const digest = digestOf(Buffer.from("x"));
const file = (path: string) => ({ kind: "file", path, digest, sizeBytes: 1, executable: false }) as const;
const link = (path: string, target: string) => ({ kind: "symlink", path, target }) as const;
const { root, nodes } = buildTree([
  file("a/b/c.txt"),
  file("top"),
  ...[link("latest", "a/b"), link("a/up", ".."), link("a/b/c", "c.txt"), link("chain", "latest/c")],
  ...[link("loop", "loop"), link("ping", "pong"), link("pong", "ping"), link("gone", "a/z"), link("self", ".")],
  link("through", "top/x"),
]);

it.each([
  ["", ""],
  ["a/b/c.txt", "a/b/c.txt"],
  ["latest", "a/b"],
  ["latest/c.txt", "a/b/c.txt"],
  ["chain", "a/b/c.txt"],
  ["a/up", ""],
  ["a/up/latest/c", "a/b/c.txt"],
  ["self/self/top", "top"],
])("%j leads to %j", async (path, expected) => {
  const found = await followPath(root, path, (each) => nodes.get(each));
  expect(found?.path).toBe(expected);
  expect(found?.entry.kind).not.toBe("symlink");
});

it.each(["loop", "ping", "gone", "through", "top/x", "z", "a/up/..", "a/../.."])("%j leads nowhere", async (path) => {
  expect(await followPath(root, path, (each) => nodes.get(each))).toBeUndefined();
});
