/** A file's way through the farm: uploaded, mounted in a sandboxed run, written by it, listed, copied, mounted again. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

test("what is uploaded reaches a run and comes back byte for byte", async () => {
  await using farm = await Farm.start();
  const data = join(farm.folder, "input data");
  mkdirSync(join(data, "deep", "empty"), { recursive: true });
  writeFileSync(join(data, "big.bin"), randomBytes(3_000_000));
  writeFileSync(join(data, "ü 日本.txt"), "unicode\n");
  writeFileSync(join(data, "nothing"), "");
  writeFileSync(join(data, "deep", "run.sh"), "echo ran\n");
  chmodSync(join(data, "deep", "run.sh"), 0o755);
  symlinkSync("deep/run.sh", join(data, "latest"));
  const code = join(farm.folder, "code");
  mkdirSync(code);
  const spell = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, exitCode } = await farm.spell(args, { cwd: code });
    expect(stderr, args.join(" ")).toBe("");
    expect(exitCode, args.join(" ")).toBe(0);
    return stdout;
  };

  expect(await spell("upload", data, "--name", "data")).toContain("to 'uploads/data' complete.\n");
  await spell("link", "input", "uploads/data");
  const script = "cp -a /data out && ./mine/deep/run.sh && echo more >> /data/nothing";
  const mounts = ["--mount", "uploads/data:/data", "--mount", "input:mine"];
  expect(await spell("run", ...mounts, script)).toContain("\nran\n");

  const listed = (await spell("ls", "runs/1/out")).split("\n").slice(0, -1);
  expect(listed.map((line) => line.split(" ").at(-1))).toEqual([
    "big.bin",
    "deep/",
    "deep/run.sh",
    "nothing",
    "日本.txt",
  ]);
  const copy = join(farm.folder, "copy");
  await spell("cp", "runs/1/out", copy);
  expect(contentsOf(copy)).toEqual(contentsOf(data));
  expect(statSync(join(copy, "deep", "run.sh")).mode & 0o111).not.toBe(0);
  await spell("cp", "input/latest", join(farm.folder, "one"));
  expect(readFileSync(join(farm.folder, "one", "latest"), "utf8")).toBe("echo ran\n");

  await spell("model", "create", "copied", "runs/1/out");
  await spell("rm", "uploads/data");
  const refused = await farm.spell(["run", "--mount", "uploads/data:/data", "true"], { cwd: code });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/^Cannot mount resource "uploads\/data": not a valid resource/);
});
