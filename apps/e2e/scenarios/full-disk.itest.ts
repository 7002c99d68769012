/** A machine whose disk is too small for what it is given: the run says so, and the machine is as good as before. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { readLog, readRun, userLines } from "../support/records.ts";
import { run } from "../support/run.ts";
import type { FollowedRun } from "../support/run.ts";
import { mountSmallDisk, missingDisk } from "../support/small-disk.ts";
import type { SmallDisk } from "../support/small-disk.ts";
import { startSpell } from "../support/spell.ts";

const MEGABYTES = 24;
const TOO_LARGE = 30_000_000;

describe.skipIf(missingDisk !== undefined)(`a disk of ${MEGABYTES} MB${missingDisk ? `: ${missingDisk}` : ""}`, () => {
  const resources = new AsyncDisposableStack();
  let farm: Farm;
  let disk: SmallDisk;
  let code: string;

  beforeAll(async () => {
    farm = resources.use(await Farm.start());
    code = join(farm.folder, "code");
    mkdirSync(code);
    disk = resources.use(mountSmallDisk(join(farm.folder, "small disk"), { megabytes: MEGABYTES }));
    const { stdout } = await farm.spell(["agent", "token"]);
    const [, ...args] = stdout.trim().split(" ");
    const options = ["--data", join(disk.path, "agent"), "--name", "small", "--machine-type", "SMALL"];
    const agent = startSpell({ login: join(farm.folder, "small login") }, [
      ...[...args, ...options, "--cpu-slots", "0", "--control-slots", "0"],
    ]);
    resources.defer(async () => {
      agent.signal("SIGINT");
      await agent.done;
    });
    await agent.sees("Connected as");
  });

  afterAll(() => resources.disposeAsync());

  /** Runs on the small machine, and sees that nothing of the attempt stays there. */
  const onSmall = async (...args: string[]): Promise<FollowedRun> => {
    const ran = await run(farm, code, "-t", "SMALL", ...args);
    const ofTheAttempt = (path: string): boolean => path.includes(`/attempts/${ran.id}-`);
    await waitFor("the attempt to be cleared away", () => !disk.files().some(ofTheAttempt));
    return ran;
  };
  const expectNextRunWell = async (): Promise<void> => {
    const { id, output } = await onSmall("echo well; echo kept > out.txt");
    expect(output).toBe("well\n");
    expect(await readRun(farm.place, id)).toMatchObject({ status: "complete", agent: "small" });
    const { output: kept } = await run(farm, code, "-m", `runs/${id}/out.txt:kept.txt`, "cat kept.txt");
    expect(kept).toBe("kept\n");
  };
  /** A few small files in the cache may stay. */
  const expectAsBefore = async (): Promise<void> => {
    expect(disk.freeBytes()).toBeGreaterThan((MEGABYTES - 2) * 1024 * 1024);
    await expectNextRunWell();
  };
  const NO_SPACE =
    /: There is no space left on the disk of "\/.*\/small disk\/agent.*", also after the cache there was made smaller\. Free some there, or/;

  test("code that does not fit: build_failed with reason and cure; the next run is well", async () => {
    writeFileSync(join(code, "large"), randomBytes(TOO_LARGE));
    const { id, stdout } = await onSmall("cat large");
    rmSync(join(code, "large"));
    const ended = await readRun(farm.place, id);
    expect(ended).toMatchObject({
      ...{ status: "build_failed", reason_code: "disk-full", user_exit_code: null },
      reason: expect.stringMatching(NO_SPACE),
    });
    expect(stdout).toContain(`💥 Run ${id} build_failed: ${ended.reason}\n`);
    await expectAsBefore();
  });

  test.each(["file", "folder"])("a mounted %s that does not fit: mount_failed; the next run is well", async (kind) => {
    const { id: maker } = await run(farm, code, `mkdir made; head -c ${TOO_LARGE} /dev/urandom > made/data`);
    const resource = kind === "file" ? `runs/${maker}/made/data` : `runs/${maker}/made`;
    const { id } = await onSmall("-m", `${resource}:/data/in`, "true");
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "mount_failed", reason_code: "disk-full", user_exit_code: null },
      reason: expect.stringMatching(NO_SPACE),
    });
    await expectAsBefore();
  });

  test("a command that fills it and cleans up ends by its own code, its log whole, what it kept stored", async () => {
    const command = [
      "seq 1 1000; echo kept > out.txt",
      `head -c ${TOO_LARGE} /dev/zero > fill; echo head: $?`,
      "rm fill; seq 1001 2000; exit 7",
    ];
    const { id, output } = await onSmall(command.join("; "));
    const lines = output.split("\n");
    expect(lines.filter((line) => /^\d+$/.test(line))).toEqual(Array.from({ length: 2_000 }, (_, i) => String(i + 1)));
    expect(lines.filter((line) => !/^\d*$/.test(line))).toEqual([
      "head: error writing 'standard output': No space left on device",
      "head: 1",
    ]);
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "failed", user_exit_code: 7, reason_code: "exit-code" },
    });
    const { output: kept } = await run(farm, code, "-m", `runs/${id}:/data/all`, "cd /data/all; grep -r '' .");
    expect(kept).toBe("./out.txt:kept\n");
    await expectAsBefore();
  });

  test("a disk that somebody else has filled: the run cannot begin, and says why; with room again the next is well", async () => {
    const filler = join(disk.path, "filler");
    expect(() => execFileSync("sh", ["-c", 'cat /dev/zero > "$0"', filler], { stdio: "pipe" })).toThrow(
      "No space left",
    );
    const { id } = await onSmall("echo hello");
    expect(await readRun(farm.place, id)).toMatchObject({
      ...{ status: "build_failed", user_exit_code: null, reason_code: "disk-full" },
      reason: expect.stringContaining("disk is full"),
    });
    rmSync(filler);
    await expectAsBefore();
  });

  // The last one: what it wrote is an output, and stays in the machine's cache.
  test("a command that leaves it full ends by its own code, its log whole; on a larger disk the next is well", async () => {
    const { id } = await onSmall(`seq 1 1000; head -c ${TOO_LARGE} /dev/zero > fill; exit 9`);
    const log = userLines(await readLog(farm.place, id));
    expect(log.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index + 1)));
    expect(log.slice(1_000)).toEqual(["head: error writing 'standard output': No space left on device"]);
    expect(await readRun(farm.place, id)).toMatchObject({ status: "failed", user_exit_code: 9 });
    disk.grow(2 * MEGABYTES);
    await expectNextRunWell();
  });
});
