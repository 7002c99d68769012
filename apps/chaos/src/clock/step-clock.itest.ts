/** A program under the stepped clock: its dates move with the file, its timers do not. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommand, tempFolder, waitFor } from "@spell/testing";
import { expect, test } from "vitest";

const HOUR_MS = 3_600_000;
const PROGRAM = `setInterval(() => console.log(JSON.stringify([Date.now(), new Date().getTime(), new Date(5).getTime(),
  new Date(2020, 1).getFullYear(), new Date() instanceof Date, performance.now() < 60_000])), 20)`;

test("the wall clock follows the file, ahead and behind", async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, "clock");
  const hook = new URL("step-clock.ts", import.meta.url).href;
  const args = ["--disable-warning=ExperimentalWarning", "--import", hook, "-e", PROGRAM];
  using program = startCommand(process.execPath, args, { env: { PATH: process.env["PATH"], SPELL_CHAOS_CLOCK: file } });
  const isAhead = (byMs: number) => (): boolean => {
    const line = program.stdout().trimEnd().split("\n").at(-1) ?? "";
    const [now = 0, made = 0, ...rest] = line === "" ? [] : (JSON.parse(line) as number[]);
    if (line !== "") expect(rest).toEqual([5, 2020, true, true]);
    return Math.abs(now - made) < 1_000 && Math.abs(now - Date.now() - byMs) < 30_000;
  };
  await waitFor("the real time", isAhead(0));
  writeFileSync(file, String(HOUR_MS));
  await waitFor("an hour ahead", isAhead(HOUR_MS));
  writeFileSync(file, String(-HOUR_MS));
  await waitFor("an hour behind", isAhead(-HOUR_MS));
});
