import { describe, expect, it } from "vitest";
import type { Digest } from "@spell/domain";
import { buildTree } from "./build-tree.ts";
import { checkTree } from "./check.ts";
import { findPath } from "./find-path.ts";
import { digestOf } from "./node.ts";
import { overlayTree } from "./overlay-tree.ts";

function tree(files: Record<string, string>) {
  const bytes = (text: string) => ({ sizeBytes: text.length, digest: digestOf(Buffer.from(text)), executable: false });
  return buildTree(Object.entries(files).map(([path, text]) => ({ kind: "file", path, ...bytes(text) }) as const));
}

/** The overlay, and what lies at some paths of it, by the text that has this digest. */
async function overlay(base: Record<string, string>, at: string, over: Record<string, string>) {
  const [lower, upper] = [tree(base), tree(over)];
  const known = new Map([...lower.nodes, ...upper.nodes]);
  const read = async (digest: Digest): Promise<Uint8Array> => known.get(digest) ?? expect.fail(`no node ${digest}`);
  const made = await overlayTree({ base: lower.root, at, over: upper.root }, read);
  for (const [digest, bytes] of made.nodes) known.set(digest, bytes);
  const { nodes } = await checkTree(made.root, async (digest) => known.get(digest));
  const at_ = async (path: string): Promise<string | undefined> => {
    const found = await findPath(made.root, path, read);
    if (found?.kind !== "file") return found?.kind;
    return Object.values({ ...base, ...over }).find((text) => digestOf(Buffer.from(text)) === found.digest);
  };
  return { at: at_, made, nodes };
}

describe("laying a tree over another", () => {
  it("joins folders, takes the upper one's files, and keeps the lower one's others", async () => {
    const code = { "repo/train.py": "train", "repo/lib/a": "old a", "repo/lib/b": "b", "label/x": "x" };
    const made = await overlay(code, "repo", { "save/model": "model", "lib/a": "new a" });
    expect(await made.at("repo/train.py")).toBe("train");
    expect(await made.at("repo/lib/a")).toBe("new a");
    expect(await made.at("repo/lib/b")).toBe("b");
    expect(await made.at("repo/save/model")).toBe("model");
    expect(await made.at("label/x")).toBe("x");
  });

  it("gives a file in a folder's place, and a folder in a file's", async () => {
    const made = await overlay({ "r/a/b": "1", "r/c": "2" }, "r", { a: "3", "c/d": "4" });
    expect(await made.at("r/a")).toBe("3");
    expect(await made.at("r/c/d")).toBe("4");
  });

  it("makes the folder when the base lacks it, and covers the top when none is named", async () => {
    expect(await (await overlay({ "other/a": "1" }, "r", { b: "2" })).at("r/b")).toBe("2");
    const top = await overlay({ a: "1", b: "2" }, "", { b: "3" });
    expect([await top.at("a"), await top.at("b")]).toEqual(["1", "3"]);
  });

  it("is the base where nothing is new", async () => {
    const files = { "r/a": "1", "r/d/b": "2" };
    expect((await overlay(files, "r", { a: "1", "d/b": "2" })).made.root).toBe(tree(files).root);
  });
});
