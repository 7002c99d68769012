/** ^C in the middle of what brings bytes to or from this machine: nothing half stays, on either side, and it can be done again. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import type { CommandResult } from "@spell/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentsOf } from "../support/contents.ts";
import { Farm } from "../support/farm.ts";

let farm: Farm;
let code: string;
const spell = (...args: string[]) => farm.spell(args, { cwd: farm.folder });
const LARGE_BYTES = 64 * 1024 * 1024;

beforeAll(async () => {
  farm = await Farm.start();
  code = join(farm.folder, "code");
  mkdirSync(code);
  writeFileSync(join(code, "large"), "");
  truncateSync(join(code, "large"), LARGE_BYTES);
  writeFileSync(join(code, "small"), "small");
  expect((await farm.spell(["run", "-b", "true"], { cwd: code })).exitCode).toBe(0);
  expect((await spell("upload", "code", "--name", "data")).exitCode).toBe(0);
});
afterAll(() => farm[Symbol.asyncDispose]());

/** Begins the command, lets the store stand still once `isUnderWay`, and interrupts it then. */
async function interrupt(args: string[], isUnderWay: () => boolean): Promise<CommandResult> {
  using running = farm.startSpell(args, { cwd: farm.folder });
  await waitFor(`${args.join(" ")} to be under way`, isUnderWay);
  const coordinator = farm.pidOf("coordinator");
  process.kill(coordinator, "SIGSTOP");
  try {
    running.signal("SIGINT");
    return await running.done;
  } finally {
    process.kill(coordinator, "SIGCONT");
  }
}

const filesIn = (folder: string): number => (existsSync(folder) ? readdirSync(folder).length : 0);

test.each([
  ["cp", ["cp", "uploads/data", "new/copy"], "Interrupted: nothing was copied."],
  ["checkout", ["checkout", "1", "new/copy"], "Interrupted: nothing was checked out."],
])("%s leaves nothing, not even the folders it made", async (_name, args, sentence) => {
  const { exitCode, stderr } = await interrupt(args, () => filesIn(join(farm.folder, "new", "copy")) > 0);
  expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: `${sentence}\n` });
  expect(existsSync(join(farm.folder, "new"))).toBe(false);
  expect((await spell(...args)).exitCode).toBe(0);
  const copied = join(farm.folder, "new", "copy");
  expect(contentsOf(args[0] === "cp" ? copied : join(copied, "code"))).toEqual(contentsOf(code));
  expect((await farm.spell(["cp", "uploads/data/small", "new"], { cwd: farm.folder })).exitCode).toBe(0);
  expect(readdirSync(join(farm.folder, "new")).sort()).toEqual(["copy", "small"]);
  // What was there before stays.
  const again = await interrupt(["cp", "uploads/data", "new"], () => filesIn(join(farm.folder, "new")) > 2);
  expect(again.exitCode).toBe(130);
  expect(readdirSync(join(farm.folder, "new")).sort()).toEqual(["copy", "small"]);
  expect(statSync(join(farm.folder, "new", "small")).size).toBe(5);
  rmSync(join(farm.folder, "new"), { recursive: true });
});
