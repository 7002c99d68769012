/** The index beside snapshots: what has not changed is not read, whatever has is, and a bad index costs time alone. */
import { appendFileSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tempFolder } from "@spell/testing";
import { snapshotDirectory } from "./snapshot-directory.ts";
import { openSnapshotIndex } from "./snapshot-index.ts";

const MINUTE_MS = 60_000;
/** Of both files. */
const DIGESTS = /"[0-9a-f]{128}"/;

async function given() {
  const folder = await tempFolder();
  const [code, indexes] = [join(folder.path, "code"), join(folder.path, "indexes")];
  mkdirSync(code);
  for (const name of ["a", "b"]) writeFileSync(join(code, name), name);
  const open = (inMs = MINUTE_MS) => openSnapshotIndex({ indexes, folder: code, now: () => Date.now() + inMs });
  const take = async (index = open()): Promise<string> => {
    const { root } = await snapshotDirectory({ directory: code, gitAware: false, index });
    index.save();
    return root;
  };
  const plain = async () => (await snapshotDirectory({ directory: code, gitAware: false })).root;
  const indexFile = () => join(indexes, readdirSync(indexes)[0] ?? "");
  const dispose = () => folder[Symbol.asyncDispose]();
  return { code, indexes, open, take, plain, indexFile, [Symbol.asyncDispose]: dispose };
}

describe("an index", () => {
  test("spares reading what has not changed, in another process too, and nothing else", async () => {
    await using world = await given();
    const first = await world.take();
    expect(await world.take()).toBe(first);
    // Whether a file was read shows where the index says something else.
    const text = readFileSync(world.indexFile(), "utf8");
    writeFileSync(world.indexFile(), text.replace(DIGESTS, `"${"0".repeat(128)}"`));
    expect(await world.take()).not.toBe(first);
    writeFileSync(join(world.code, "a"), "uno");
    writeFileSync(world.indexFile(), text);
    const changed = await world.take();
    expect(changed).toBe(await world.plain());
    expect(changed).not.toBe(first);
    // The same size and the time of before: the time of the last status change tells.
    utimesSync(join(world.code, "b"), 1_000, 1_000);
    await world.take();
    writeFileSync(join(world.code, "b"), "B");
    utimesSync(join(world.code, "b"), 1_000, 1_000);
    expect(await world.take()).toBe(await world.plain());
  });

  test("trusts no file that was just written, nor one from the future", async () => {
    await using world = await given();
    await world.take(world.open(0));
    await world.take(world.open(-MINUTE_MS));
    expect(() => readdirSync(world.indexes)).toThrow("ENOENT");
    await world.take(world.open(2_500));
    expect(readFileSync(world.indexFile(), "utf8")).toMatch(/\["a","b"\]/);
  });

  test("forgets what is gone, and keeps a name that means something to JavaScript", async () => {
    await using world = await given();
    writeFileSync(join(world.code, "__proto__"), "p");
    mkdirSync(join(world.code, "below", "__proto__"), { recursive: true });
    writeFileSync(join(world.code, "below", "__proto__", "c"), "c");
    const first = await world.take();
    expect(await world.take()).toBe(first);
    rmSync(join(world.code, "a"));
    expect(await world.take()).toBe(await world.plain());
    expect(readFileSync(world.indexFile(), "utf8")).toMatch(/\["__proto__","b"\]/);
  });

  test.each([
    ["empty", () => ""],
    ["cut off", (text: string) => text.slice(0, text.length / 2)],
    ["no object", () => "[]"],
    ["of another format", (text: string) => text.replace('"format":2', '"format":1')],
    ["without folders", () => '{"format":2,"folders":{}}'],
    [
      "with folders of another form",
      (text: string) => text.replace(/"folders":\[.*\]/, '"folders":[7,null,["a"],[[]]]'),
    ],
    ["with names of another form", (text: string) => text.replace('["a","b"]', '[{"a":1},null]')],
    ["with too few names", (text: string) => text.replace('["a","b"]', '["a"]')],
    ["with too many names", (text: string) => text.replace('["a","b"]', '["a","b","c"]')],
    ["with names twice", (text: string) => text.replace('["a","b"]', '["b","b"]')],
    ["with numbers of another form", (text: string) => text.replace(/\[\d+,/, '["x",')],
    ["with other numbers", (text: string) => text.replace(/\[\d+,/, "[77,")],
    ["with wrong digests", (text: string) => text.replace(DIGESTS, `"${"../../etc/passwd".repeat(8)}"`)],
    ["with too few digests", (text: string) => text.replace(DIGESTS, `"${"0".repeat(127)}"`)],
    ["huge nonsense", () => `{"format":2,"folders":${"[".repeat(100_000)}`],
  ])("that is %s costs time alone", async (_what, damage) => {
    await using world = await given();
    const root = await world.take();
    writeFileSync(world.indexFile(), damage(readFileSync(world.indexFile(), "utf8")));
    expect(await world.take()).toBe(root);
    expect(readFileSync(world.indexFile(), "utf8")).toMatch(/^{"format":2,"folders":\[\["",\["a","b"\],\[/);
  });

  test("that cannot be written is no failure", async () => {
    await using world = await given();
    writeFileSync(world.indexes, "a file in its place");
    const index = world.open();
    expect((await snapshotDirectory({ directory: world.code, gitAware: false, index })).root).toBe(await world.plain());
    expect(index.save()).toBe(false);
  });

  test("nobody has written for long goes when another is written", async () => {
    await using world = await given();
    await world.take();
    const old = join(world.indexes, "old.json");
    writeFileSync(old, "{}");
    utimesSync(old, 1_000, 1_000);
    appendFileSync(join(world.code, "a"), "more");
    await world.take();
    expect(readdirSync(world.indexes)).toHaveLength(1);
  });
});
