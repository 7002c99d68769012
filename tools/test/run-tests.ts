/** Runs every test of the repository and sums what came of it. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot, waitFor } from "@spell/testing";
import { readJunit } from "./junit.ts";
import { endLeftovers, leftProcesses, runMarkerVariable } from "./leftovers.ts";
import type { TestRunTrace } from "./leftovers.ts";
import { runProgram } from "./run-program.ts";
import { selectTests } from "./selection.ts";
import type { PythonGroup } from "./selection.ts";
import { addTally, emptyTally, judgeRunner } from "./tally.ts";
import type { Tally } from "./tally.ts";

export interface TestOptions {
  /** Only what lies at or below this path. Default: everything. */
  only?: string | undefined;
  /** Further arguments for vitest, such as `-t <name>`. */
  vitestArgs?: readonly string[];
}

/** A runner that hangs is ended after this long; CI gives the whole job twenty minutes. */
const runnerTimeoutMs = 30 * 60_000;

/** Runs vitest, then pytest, then looks for what was left behind. Complaints are printed where they arise. */
export async function runTests(options: TestOptions = {}): Promise<Tally> {
  const trace: TestRunTrace = {
    marker: randomUUID(),
    temporaryFolder: mkdtempSync(join(tmpdir(), "spell-run-")),
  };
  // Tests that act as an ordinary user must get through it to the folders they were given.
  chmodSync(trace.temporaryFolder, 0o711);
  // Of this run alone: another one may be under way in the same clone.
  mkdirSync(reportsOf(trace));
  const env = { TMPDIR: trace.temporaryFolder, [runMarkerVariable]: trace.marker };
  const cleanUp = (): void => {
    endLeftovers(trace);
    removeFolder(trace.temporaryFolder);
  };
  process.once("exit", cleanUp);
  const tally = await runAll(options, env, trace);
  process.removeListener("exit", cleanUp);
  cleanUp();
  return tally;
}

/** Also when a failed test left folders in it that nobody may write: the count of the tests must come out. */
function removeFolder(path: string): void {
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    remove();
  } catch {
    execFileSync("chmod", ["-R", "u+rwX", path]);
    remove();
  }
}

async function runAll(options: TestOptions, env: NodeJS.ProcessEnv, trace: TestRunTrace): Promise<Tally> {
  const selection = selectTests(options.only);
  let total = emptyTally;
  if (selection.hasVitest)
    total = addTally(total, await runVitest(selection.vitestFilter, options, { env, reports: reportsOf(trace) }));
  for (const group of selection.python)
    total = addTally(total, await runPytest(group, { env, reports: reportsOf(trace) }));
  if (!selection.hasVitest && selection.python.length === 0) {
    complain([`no test lies at ${options.only ?? "all"}`]);
    total = { ...total, failed: total.failed + 1 };
  }
  await waitFor("the last processes to end", () => leftProcesses(trace).length === 0, { timeoutMs: 3_000 }).catch(
    () => undefined, // What is still there is named next.
  );
  const left = endLeftovers(trace);
  complain(left.map((sentence) => `left behind: ${sentence}`));
  return { ...total, failed: total.failed + left.length };
}

interface RunnerPlace {
  env: NodeJS.ProcessEnv;
  /** Folder of the junit reports. */
  reports: string;
}

function reportsOf(trace: TestRunTrace): string {
  return join(trace.temporaryFolder, "reports");
}

async function runVitest(filter: string | undefined, options: TestOptions, place: RunnerPlace): Promise<Tally> {
  const { env, reports } = place;
  const report = join(reports, "vitest.xml");
  const reporters = ["--reporter=default", "--reporter=junit", `--outputFile.junit=${report}`];
  const filters = filter === undefined ? [] : [filter];
  const { exitCode } = await runProgram(
    join(repositoryRoot, "node_modules", ".bin", "vitest"),
    ["run", ...reporters, ...(options.vitestArgs ?? []), ...filters],
    { env, shown: true, timeoutMs: runnerTimeoutMs },
  );
  return judged(report, exitCode, "vitest");
}

/** As inside a run: scripts find the package `spell` without installation. */
const PYTHON = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: join(repositoryRoot, "libs", "sdk-python") };

async function runPytest(group: PythonGroup, { env, reports }: RunnerPlace): Promise<Tally> {
  const name = group.folder.slice(repositoryRoot.length + 1) || "root";
  const report = join(reports, `pytest-${name.replaceAll("/", "-")}.xml`);
  const { exitCode } = await runProgram(
    join(repositoryRoot, ".venv", "bin", "python"),
    [
      "-m",
      "pytest",
      "-q",
      "-p",
      "no:cacheprovider",
      `--rootdir=${group.folder}`,
      `--junitxml=${report}`,
      ...group.files,
    ],
    { env: { ...env, ...PYTHON }, cwd: group.folder, shown: true, timeoutMs: runnerTimeoutMs },
  );
  return judged(report, exitCode, `pytest in ${name}`);
}

function judged(report: string, exitCode: number, runner: string): Tally {
  const { tally, complaint } = judgeRunner(readJunit(report), exitCode, runner);
  if (complaint !== undefined) complain([complaint]);
  return tally;
}

function complain(sentences: readonly string[]): void {
  for (const sentence of sentences) console.log(`FAILED  ${sentence}`);
}
