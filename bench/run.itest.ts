/** The benchmarks as a user starts them, with few samples: whether they measure, not what. Nothing of them may stay. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot, tempFolder, waitFor } from "@spell/testing";
import { z } from "zod";
import { endLeftovers, runMarkerVariable } from "../tools/test/leftovers.ts";

const BENCH_TIMEOUT_MS = 90_000;

const reportSchema = z.object({
  sections: z.array(
    z.object({
      title: z.string(),
      figures: z.array(
        z.object({
          name: z.string(),
          p50: z.number().nonnegative().optional(),
          stepMs: z.number().optional(),
          samples: z.number().int().positive().optional(),
        }),
      ),
    }),
  ),
});

interface BenchUnderWay extends AsyncDisposable {
  folder: string;
  child: ChildProcess;
  exitCode: Promise<number | null>;
  output(): string;
  /** What it left, one sentence each; ended by then. */
  leftovers(): string[];
}

/** Starts them; disposing ends whatever is left. */
async function startBench(args: readonly string[]): Promise<BenchUnderWay> {
  const folder = await tempFolder();
  const trace = { marker: `bench-${folder.path}`, temporaryFolder: folder.path };
  const child = spawn(process.execPath, [join(repositoryRoot, "bench", "run.ts"), ...args], {
    cwd: folder.path,
    env: {
      ...process.env,
      TMPDIR: folder.path,
      [runMarkerVariable]: trace.marker,
      // A farm that the user works with otherwise: must not be touched.
      SPELL_COORDINATOR: "127.0.0.1:1",
      SPELL_TOKEN: "another-farm",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (said: string) => (output += said));
  }
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    ...{ folder: folder.path, child, exitCode },
    output: () => output,
    leftovers: () => endLeftovers(trace),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exitCode;
      endLeftovers(trace);
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("each measurement gives a table and the same as numbers", { timeout: BENCH_TIMEOUT_MS }, async () => {
  await using bench = await startBench(["--quick", "--json", "figures.json"]);
  expect(await bench.exitCode, bench.output()).toBe(0);
  const { sections } = reportSchema.parse(JSON.parse(readFileSync(join(bench.folder, "figures.json"), "utf8")));
  expect(sections).toHaveLength(10);
  for (const { title, figures } of sections) {
    expect(bench.output()).toContain(`\n${title}\n`);
    expect(figures.length, title).toBeGreaterThan(1);
    for (const { name, p50, stepMs } of figures) {
      expect(bench.output()).toContain(name);
      expect(p50 ?? stepMs, name).toBeTypeOf("number");
    }
  }
  expect(bench.leftovers()).toEqual([]);
});

test.each([
  ["SIGINT", 130, "One run"],
  ["SIGTERM", 143, "cores"],
] as const)("%s ends everything they started, with exit code %i", async (signal, code, moment) => {
  await using bench = await startBench(["--only", "start,throughput", "--quick"]);
  const isThere = (): boolean => bench.output().includes(moment) || bench.child.exitCode !== null;
  await waitFor(moment, isThere, { timeoutMs: 60_000 });
  bench.child.kill(signal);
  expect(await bench.exitCode, bench.output()).toBe(code);
  expect(bench.output()).toContain("Ending everything the benchmarks started.");
  expect(bench.leftovers()).toEqual([]);
});

test("an unknown measurement is refused before anything starts", async () => {
  await using bench = await startBench(["--only", "speed"]);
  expect(await bench.exitCode).toBe(2);
  expect(bench.output()).toContain("--only knows start, chain, breakdown, components, throughput, commands, log-delay");
  expect(bench.output()).not.toContain("cores");
});
