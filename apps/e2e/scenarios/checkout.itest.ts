/** `spell checkout`: the code as a run had it, whatever has become of it since. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";

let farm: Farm;
let folder: string;
const spell = (...args: string[]) => farm.spell(args, { cwd: folder });

beforeAll(async () => {
  farm = await Farm.start();
  folder = join(farm.folder, "work");
  mkdirSync(join(folder, "code", "lib"), { recursive: true });
  mkdirSync(join(folder, "beside"));
  writeFileSync(join(folder, "code", "train.sh"), "#!/bin/sh\necho as it was\n", { mode: 0o755 });
  writeFileSync(join(folder, "code", "lib", "a"), "a");
  symlinkSync("lib/a", join(folder, "code", "link"));
  writeFileSync(join(folder, "beside", "b"), "b");
  const cwd = join(folder, "code");
  const args = ["workflow", "-b", "--repo", "beside=../beside", "./train.sh > out.txt"];
  expect(await farm.spell(args, { cwd })).toMatchObject({ exitCode: 0 });
  using client = farm.client();
  await (await client.runs.get(1)).waitStatus("complete");
  await (await client.runs.create({ command: "true" })).waitStatus("complete");
  rmSync(cwd, { recursive: true });
});
afterAll(() => farm[Symbol.asyncDispose]());

test("brings the code and what lay beside it, and nothing that the run wrote", async () => {
  expect(await spell("checkout", "1")).toEqual({
    exitCode: 0,
    stdout: "Checked out the code of run 1 into run-1/code (4 files).\n",
    stderr: "",
  });
  const own = join(folder, "run-1");
  expect(readdirSync(own, { recursive: true }).sort()).toEqual(
    ["beside", "beside/b", "code", "code/lib", "code/lib/a", "code/link", "code/train.sh"].sort(),
  );
  // The copy runs as the original did: the executable bit is kept.
  expect(readFileSync(join(own, "code", "link"), "utf8")).toBe("a");
  expect((await spell("run", "-b", "run-1/code/train.sh")).exitCode).toBe(0);
  const { stdout } = await spell("checkout", "--json", "1", "deep/down");
  expect(JSON.parse(stdout)).toEqual({ run: 1, path: "deep/down/code", files: 4, size: expect.any(Number) });
});

test("replaces nothing, and says what is wrong", async () => {
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full", "mine"), "mine");
  for (const target of ["full", "full/mine"]) {
    expect(await spell("checkout", "1", target)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`"${target}" is there already: name a new folder, or an empty one.`),
    });
  }
  expect(readdirSync(join(folder, "full"))).toEqual(["mine"]);
  for (const [word, exitCode, sentence] of [
    ["2", 1, "Run 2 has no code."],
    ["77", 1, "77"],
    ["runs/1", 2, "invalid ID"],
  ] as const) {
    expect(await spell("checkout", word, "none")).toMatchObject({
      exitCode,
      stderr: expect.stringContaining(sentence),
    });
  }
  expect(existsSync(join(folder, "none"))).toBe(false);
});
