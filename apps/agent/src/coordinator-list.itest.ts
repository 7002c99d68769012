import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { openCoordinatorList } from "./coordinator-list.ts";

test("what a coordinator names is known at the next start, the one that answered first", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "coordinators.json");
  const list = await openCoordinatorList(path, ["a:1"]);
  expect(list.addresses).toEqual(["a:1"]);
  expect(list.learn(["b:1", "a:1"], "b:1")).toEqual(["b:1", "a:1"]);
  // One behind a name that no coordinator has for itself stays known.
  expect(list.learn(["c:1", "b:1"], "c:1")).toEqual(["c:1", "b:1", "a:1"]);
  await waitFor("it to be kept", async () => (await readFile(path, "utf8")).includes("c:1"));
  expect((await openCoordinatorList(path, ["a:1"])).addresses).toEqual(["c:1", "b:1", "a:1"]);
});

test("an agent that is sent to another farm does not go back", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "coordinators.json");
  await writeFile(path, '["a:1","b:1"]');
  expect((await openCoordinatorList(path, ["z:1"])).addresses).toEqual(["z:1"]);
});

test.each(["", "{", "{}", "null", "[1,null]"])("a file that holds %j is none", async (text) => {
  await using folder = await tempFolder();
  const path = join(folder.path, "coordinators.json");
  await writeFile(path, text);
  const list = await openCoordinatorList(path, ["a:1"]);
  expect(list.addresses).toEqual(["a:1"]);
  expect((await openCoordinatorList(join(folder.path, "none", "x"), ["a:1"])).learn(["b:1"], "b:1")).toEqual([
    "b:1",
    "a:1",
  ]);
});
