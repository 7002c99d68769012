import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

const PRIVATE = { mode: 0o700 };

test("all folders on the way are made with the mode, and may be there already", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a", "b", "c");
  makeFolder(path, PRIVATE);
  makeFolder(path, PRIVATE);
  expect(["a", "a/b", "a/b/c"].map((each) => statSync(join(folder.path, each)).mode & 0o777)).toEqual(
    Array(3).fill(0o700),
  );
});

test("where none can be made it says so, and ends", async () => {
  await using folder = await tempFolder();
  writeFileSync(join(folder.path, "file"), "");
  expect(() => makeFolder("/proc/none/inner", PRIVATE)).toThrow(/ENOENT.*\/proc\/none'/);
  for (const path of ["file", "file/inner"]) {
    expect(() => makeFolder(join(folder.path, path), PRIVATE)).toThrow(/EEXIST.*\/file'/);
  }
});
