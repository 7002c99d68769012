import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { writtenEntries } from "./written-entries.ts";

test("what a run has closed to its owner is found and can be read, with the modes that matter as they were", async () => {
  await using folder = await tempFolder();
  const path = (name: string): string => join(folder.path, "upper", name);
  mkdirSync(path("shut"), { recursive: true });
  writeFileSync(path("shut/secret"), "s", { mode: 0 });
  writeFileSync(path("tool"), "t");
  chmodSync(path("tool"), 0o311);
  for (const name of ["shut", ""]) chmodSync(path(name), 0);
  const entries = await writtenEntries({ folder: path(""), code: undefined, mountPaths: [] });
  expect(entries.map((entry) => [entry.kind, entry.path, entry.executable])).toEqual([
    ["file", "shut/secret", false],
    ["file", "tool", true],
  ]);
  const modeOf = (name: string): number => statSync(path(name)).mode & 0o777;
  expect(["", "shut", "shut/secret", "tool"].map(modeOf)).toEqual([0o700, 0o700, 0o400, 0o711]);
  expect(entries.map((entry) => readFileSync(entry.source, "utf8"))).toEqual(["s", "t"]);
});
