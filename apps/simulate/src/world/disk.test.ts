import { expect, test } from "vitest";
import { Disk } from "./disk.ts";
import { Random } from "./random.ts";

test("a power cut keeps what was synced and may take the rest", () => {
  const sizes = new Set<number>();
  let gone = 0;
  for (let seed = 0; seed < 200; seed++) {
    const disk = new Disk();
    disk.makeFolders("/a");
    disk.append("/a/synced", Buffer.from("kept"), 0);
    const synced = disk.find("/a/synced");
    if (synced?.kind === "file") synced.durable = Buffer.from(synced.bytes());
    disk.append("/a/synced", Buffer.from(" or not"), 0);
    disk.append("/a/other", Buffer.from("whatever"), 0);
    disk.powerCut(new Random(seed));
    const after = disk.find("/a/synced");
    if (after?.kind !== "file") throw new Error("a synced file is gone");
    expect(after.bytes().toString()).toMatch(/^kept/);
    sizes.add(after.sizeBytes);
    if (disk.find("/a/other") === undefined) gone++;
  }
  expect(sizes.size).toBe(8);
  expect(gone).toBeGreaterThan(20);
  expect(gone).toBeLessThan(120);
});

test("whoever watches a folder hears of each name that changes there", () => {
  const disk = new Disk();
  const heard: string[] = [];
  disk.makeFolders("/a/b");
  disk.watchers.add({ folder: "/a", onChange: (name) => heard.push(name) });
  disk.append("/a/one", Buffer.from("x"), 0);
  disk.append("/a/b/other", Buffer.from("x"), 0);
  expect(heard).toEqual(["one"]);
});
