/** What is large goes through every process in bounded memory: one large file, one folder of 100,000. */
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, startCommand } from "@spell/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { peakMebibytes, resetPeak } from "../support/memory.ts";
import { run } from "../support/run.ts";

/** More than any process may take: who keeps a file in memory as a whole is found out. */
const LARGE_BYTES = 300 * 1024 * 1024;
const MOST_MEBIBYTES = 256;
const MANY = 100_000;

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
}, 60_000);
afterAll(() => farm[Symbol.asyncDispose](), 60_000);

/** A command of the user's, which has to succeed; the most memory that it took, MiB. */
async function spell(...args: string[]): Promise<number> {
  const script = [
    "import resource, subprocess, sys",
    "code = subprocess.call(sys.argv[1:])",
    "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, code)",
  ].join("\n");
  const program = join(repositoryRoot, "apps/cli/bin/spell");
  const env = { PATH: process.env["PATH"], HOME: farm.folder, SPELL_DIR: farm.place.login, LANG: "C.UTF-8" };
  using running = startCommand("python3", ["-c", script, program, ...args], { cwd: farm.folder, env });
  const { stdout, stderr } = await running.done;
  const [, mebibytes, code] = /peak (\d+) (-?\d+)\n$/.exec(stdout) ?? [];
  expect(code, stderr).toBe("0");
  return Number(mebibytes);
}

/** The most memory that a server of the farm takes meanwhile. */
async function peaksDuring<T>(work: () => Promise<T>): Promise<{ result: T; coordinator: number; agent: number }> {
  const parts = ["coordinator", "agent"] as const;
  for (const part of parts) resetPeak(farm.pidOf(part));
  const result = await work();
  const [coordinator = 0, agent = 0] = parts.map((part) => peakMebibytes(farm.pidOf(part)));
  return { result, coordinator, agent };
}

test("a large file is uploaded, mounted, written as an output and copied back by processes that never hold it", async () => {
  const folder = join(farm.folder, "large");
  mkdirSync(folder);
  writeFileSync(join(folder, "file"), "the beginning");
  truncateSync(join(folder, "file"), LARGE_BYTES);
  const work = async (): Promise<number[]> => {
    const uploading = await spell("upload", folder);
    const code = join(farm.folder, "code");
    mkdirSync(code);
    const copy = `cp --sparse=always /data/file out; printf x | dd of=out bs=1 seek=100 conv=notrunc status=none`;
    const { id } = await run(farm, code, "-m", "uploads/large:/data", copy);
    const copying = await spell("cp", `runs/${id}/out`, join(farm.folder, "back"));
    return [uploading, copying];
  };
  const { result, ...servers } = await peaksDuring(work);
  expect(statSync(join(farm.folder, "back/out")).size).toBe(LARGE_BYTES);
  for (const mebibytes of [...result, ...Object.values(servers)]) expect(mebibytes).toBeLessThan(MOST_MEBIBYTES);
}, 120_000);

test(`a folder of ${MANY} files is uploaded, mounted and copied back`, async () => {
  const folder = join(farm.folder, "many");
  mkdirSync(folder);
  for (let index = 0; index < MANY; index += 1) writeFileSync(join(folder, `file ${index}`), String(index));
  const work = async (): Promise<number[]> => {
    const uploading = await spell("upload", folder);
    const code = join(farm.folder, "code of many");
    mkdirSync(code);
    const { output } = await run(farm, code, "-m", "uploads/many:/data", "ls /data | wc -l; cat '/data/file 99999'");
    expect(output.trim()).toBe(`${MANY}\n99999`);
    return [uploading, await spell("cp", "uploads/many", join(farm.folder, "many back"))];
  };
  const { result, ...servers } = await peaksDuring(work);
  expect(readdirSync(join(farm.folder, "many back")).length).toBe(MANY);
  // Some kilobytes for each file, and nothing that grows with what the files hold.
  for (const mebibytes of [...result, ...Object.values(servers)]) expect(mebibytes).toBeLessThan(512);
}, 240_000);
