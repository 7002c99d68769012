/** The benchmarks as a user starts them, with few samples: whether they measure, not what. Nothing of them may stay. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "@spell/testing";
import { z } from "zod";
import { startWholeProgram } from "../tools/test/whole-program.ts";
import type { WholeProgram } from "../tools/test/whole-program.ts";

const BENCH_TIMEOUT_MS = 300_000;

const reportSchema = z.object({
  sections: z.array(
    z.object({
      title: z.string(),
      figures: z.array(
        z.object({
          name: z.string(),
          // What a process grew by may be below zero: its collector was at work meanwhile.
          p50: z.number().optional(),
          stepMs: z.number().optional(),
          samples: z.number().int().positive().optional(),
        }),
      ),
    }),
  ),
});

function startBench(args: readonly string[]): Promise<WholeProgram> {
  return startWholeProgram("bench/run.ts", () => args);
}

test("each measurement gives a table and the same as numbers", { timeout: BENCH_TIMEOUT_MS }, async () => {
  await using bench = await startBench(["--quick", "--json", "figures.json"]);
  expect(await bench.exitCode, bench.output()).toBe(0);
  const { sections } = reportSchema.parse(JSON.parse(readFileSync(join(bench.folder, "figures.json"), "utf8")));
  expect(sections).toHaveLength(33);
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
  expect(bench.output()).toContain(
    "--only knows start, chain, breakdown, components, throughput, commands, historical",
  );
  expect(bench.output()).not.toContain("cores");
});
