/** The operator backs the record up while runs go on, checks it, and makes it anew from the backup after a loss. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";

test("a record that was lost is restored from a backup that was taken while runs went on", async () => {
  await using farm = await Farm.start();
  const code = join(farm.folder, "code");
  mkdirSync(code);
  const spell = (...args: string[]) => farm.spell(args, { cwd: code });
  expect((await spell("run", "echo first; echo kept > file")).exitCode).toBe(0);
  const going = farm.startSpell(["run", "echo going; while [ ! -e end ]; do sleep 0.1; done"], { cwd: code });
  await going.sees("going");

  const file = join(farm.folder, "spell.backup");
  const backedUp = await spell("admin", "backup", file);
  expect(backedUp).toMatchObject({ exitCode: 0, stderr: "" });
  expect(backedUp.stdout).toMatch(/^The record is in .*spell\.backup \([\d.]+ kB\)\.\n$/);
  expect((await spell("admin", "backup", file)).stderr).toContain("is there already");
  expect((await spell("admin", "backup", join(farm.folder, "no/such/folder"))).stderr).toContain(
    "Cannot write the backup",
  );
  expect((await spell("admin", "check")).stdout).toMatch(/^\d+ rules checked: all hold\.\n$/);
  const { rules } = JSON.parse((await spell("admin", "check", "--json")).stdout) as { rules: { broken: number }[] };
  expect(rules.length).toBeGreaterThan(10);
  const inUse = await spell("admin", "restore", file, "--data", farm.data, "--replace");
  expect(inUse.stderr).toContain("Another coordinator works with");

  expect((await spell("kill", "2")).exitCode).toBe(0);
  await going.done;
  await farm.stop();
  rmSync(join(farm.data, "coordinator", "record.db"));
  rmSync(join(farm.data, "coordinator", "record.db-wal"), { force: true });
  const restored = await spell("admin", "restore", file, "--data", farm.data);
  expect(restored).toMatchObject({ exitCode: 0, stderr: "" });
  expect(restored.stdout).toMatch(/^Restored \d+ rows of [\d-]+T[\d:.]+Z\.\n$/);
  const again = await spell("admin", "restore", file, "--data", farm.data);
  expect(again.exitCode).not.toBe(0);
  expect(again.stderr).toContain("--replace");

  await farm.up();
  expect((await spell("logs", "1")).stdout).toContain("first");
  expect((await spell("cp", "runs/1/file", farm.folder)).exitCode).toBe(0);
  expect(readFileSync(join(farm.folder, "file"), "utf8")).toBe("kept\n");
  // Its end was after the backup: this record never heard of it, and the agent no longer has it.
  expect((await spell("logs", "-f", "2")).stdout).toContain("Run 2 interrupted: Its machine no longer has the run");
  expect((await spell("run", "echo third")).stdout).toContain("#3");
  expect((await spell("admin", "check")).stdout).toMatch(/all hold\.\n$/);
});

test("a backup that is none, is cut off or is of a later schema changes nothing", async () => {
  await using farm = await Farm.start();
  const file = join(farm.folder, "spell.backup");
  expect((await farm.spell(["admin", "backup", file])).exitCode).toBe(0);
  await farm.stop();
  const record = join(farm.data, "coordinator", "record.db");
  renameSync(record, `${record}.kept`);
  rmSync(`${record}-wal`, { force: true });
  const restore = async (path: string): Promise<string> => {
    const { stderr, exitCode } = await farm.spell(["admin", "restore", path, "--data", farm.data]);
    expect(exitCode).not.toBe(0);
    expect(existsSync(record)).toBe(false);
    return stderr;
  };
  expect(await restore(join(farm.folder, "nothing"))).toContain("no such file");
  writeFileSync(join(farm.folder, "text"), "hello");
  expect(await restore(join(farm.folder, "text"))).toContain("damaged");
  truncateSync(file, 1_000);
  expect(await restore(file)).toContain("nothing was restored");
  renameSync(`${record}.kept`, record);
});
