/** The command as a user starts it: a small trial on a real farm, and what is left when it is not to go on. */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCommand, tempFolder, waitFor } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { describe, expect, test } from "vitest";

const FAULTS = Number(process.env["SPELL_CHAOS_FAULTS"] ?? 8);
const SEED = Number(process.env["SPELL_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const main = fileURLToPath(new URL("main.ts", import.meta.url));

const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
const canEnter = spawnSync("unshare", [...asUser, "--net", "--mount", "--pid", "--fork", "true"]).status === 0;

function start(folder: string, ...words: string[]): RunningCommand {
  const { PATH, SPELL_TEST_RUN } = process.env;
  const env = { PATH, SPELL_TEST_RUN, LANG: "C.UTF-8", TMPDIR: folder, HOME: folder };
  return startCommand(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...words], { env });
}

describe.skipIf(!canEnter)("spell chaos", () => {
  test(`${FAULTS} faults, seed ${SEED}: nothing lost, doubled or blamed wrongly`, { timeout: 400_000 }, async () => {
    await using folder = await tempFolder();
    const json = join(folder.path, "verdict.json");
    using trial = start(folder.path, "--faults", String(FAULTS), "--seed", String(SEED), "--json", json);
    const { exitCode, stdout, stderr } = await trial.done;
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
    const verdict = JSON.parse(readFileSync(json, "utf8")) as { runs: number; faults: { count: number }[] };
    expect(verdict.faults.reduce((sum, { count }) => sum + count, 0)).toBe(FAULTS);
    expect(verdict.runs).toBeGreaterThan(FAULTS);
    expect(readdirSync(folder.path)).toEqual(["verdict.json"]);
  });

  test("interrupted: it ends at once, and nothing of it stays", { timeout: 300_000 }, async () => {
    await using folder = await tempFolder();
    using trial = start(folder.path, "--faults", "100");
    await trial.sees("   1  ", { timeoutMs: 200_000 });
    trial.signal("SIGINT");
    expect((await trial.done).exitCode).toBe(130);
    expect(readdirSync(folder.path)).toEqual([]);
    await waitFor("its processes to be gone", () => processesOf(folder.path).length === 0);
  });
});

test("wrong usage is told in a sentence", async () => {
  using trial = start("/tmp", "--faults", "none");
  expect(await trial.done).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(
      "spell chaos: option '--faults <n>' argument 'none' is invalid. Expected a whole number",
    ),
  });
});

/** Those whose command line names the folder. */
function processesOf(folder: string): string[] {
  const lines = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
  return lines.filter((line) => line.includes(folder));
}
