/**
 * `npm run bench`: a farm in a temporary folder, the measurements one after the other, each beside a reference of the same
 * run. Ends everything it started, also when it fails, takes too long or is interrupted.
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "@spell/domain";
import { Interrupted, interruption } from "@spell/testing";
import { removeTree } from "../apps/agent/src/executors/remove-tree.ts";
import { measureBatch } from "./batch.ts";
import { measureBreakdown } from "./breakdown.ts";
import { measureChain } from "./chain.ts";
import { measureCommands } from "./commands.ts";
import { measureComponents } from "./components.ts";
import { startFarm } from "./farm.ts";
import { measureHeld } from "./held.ts";
import { measureHistorical } from "./historical.ts";
import { measureHyper } from "./hyper.ts";
import { measureList } from "./list.ts";
import { measureLogDelay } from "./log-delay.ts";
import { measureLogThroughput } from "./log-throughput.ts";
import type { Measurement, Section } from "./measurement.ts";
import { measureMemory } from "./memory.ts";
import { measureMetrics } from "./metrics.ts";
import type { BenchOptions } from "./options.ts";
import { parseOptions, usage } from "./options.ts";
import { measureRecovery } from "./recovery.ts";
import { measureSpellfs } from "./spellfs.ts";
import { measureStart } from "./start.ts";
import { measureTakeover } from "./takeover.ts";
import { measureThroughput } from "./throughput.ts";

/** In this order: latencies first, and memory when all the rest is done. */
const MEASUREMENTS: readonly Measurement[] = [
  { name: "start", measure: measureStart },
  { name: "chain", measure: measureChain },
  { name: "breakdown", measure: measureBreakdown },
  { name: "components", measure: measureComponents },
  { name: "throughput", measure: measureThroughput },
  { name: "commands", measure: measureCommands },
  { name: "historical", measure: measureHistorical },
  { name: "log-delay", measure: measureLogDelay },
  { name: "log-throughput", measure: measureLogThroughput },
  { name: "metrics", measure: measureMetrics },
  { name: "list", measure: measureList },
  { name: "batch", measure: measureBatch },
  { name: "held", measure: measureHeld },
  { name: "hyper", measure: measureHyper },
  { name: "spellfs", measure: measureSpellfs },
  { name: "recovery", measure: measureRecovery, whenNamed: true },
  { name: "takeover", measure: measureTakeover, whenNamed: true },
  { name: "memory", measure: measureMemory },
];
const LIMIT_MS = 40 * 60_000;
/** Of the full number of samples. */
const QUICK_SHARE = 1 / 20;

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const known = MEASUREMENTS.map(({ name }) => name);
  let options: BenchOptions | "help";
  try {
    options = parseOptions(words, known);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage(known)}`);
    return 2;
  }
  if (options === "help") {
    console.log(usage(known));
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "spell-bench-"));
  try {
    const sections = await measureAll(
      options,
      folder,
      AbortSignal.any([interruption("Ending everything the benchmarks started."), timeLimit()]),
    );
    if (options.json !== undefined) await writeFile(options.json, JSON.stringify(report(sections), undefined, 2));
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    console.error(`\n${messageOf(error)}`);
    return 1;
  } finally {
    await removeTree(folder);
  }
}

async function measureAll(options: BenchOptions, folder: string, signal: AbortSignal): Promise<Section[]> {
  const { only, quick } = options;
  console.log(describeMachine());
  await using farm = await startFarm(join(folder, "farm"), ["--cpu-slots", "8"], signal);
  const whileUp = AbortSignal.any([signal, farm.lost]);
  const samples = (full: number): number => (quick ? Math.ceil(full * QUICK_SHARE) : full);
  const sections: Section[] = [];
  for (const { name, measure } of chosen(only)) {
    const own = join(folder, name);
    await mkdir(own);
    const measured = await measure({ farm, folder: own, samples, signal: whileUp }).catch((error: unknown) => {
      // What was cancelled says only that it was.
      throw whileUp.aborted ? whileUp.reason : error;
    });
    for (const section of measured) show(section);
    sections.push(...measured);
  }
  console.log(`\n${describeLoad()}`);
  return sections;
}

function chosen(only: readonly string[]): Measurement[] {
  return MEASUREMENTS.filter(({ name, whenNamed = false }) => (only.length === 0 ? !whenNamed : only.includes(name)));
}

function show({ title, lines }: Section): void {
  console.log(`\n${title}\n\n${lines.map((line) => `  ${line}`).join("\n")}`);
}

function describeMachine(): string {
  const cores = `${availableParallelism()} cores`;
  return `${cores}, Linux ${release()}, Node ${process.versions.node}; the farm works in ${tmpdir()}. ${describeLoad()}`;
}

/** Figures of a machine that others use as well say little. */
function describeLoad(): string {
  return `Load of the last minute: ${loadavg()[0]?.toFixed(2)}.`;
}

function report(sections: readonly Section[]): object {
  const machine = { cores: availableParallelism(), kernel: release(), node: process.versions.node, load: loadavg() };
  return { machine, sections: sections.map(({ title, figures }) => ({ title, figures })) };
}

/** Aborts when everything takes longer than it may. */
function timeLimit(): AbortSignal {
  const controller = new AbortController();
  const error = new Error(`The benchmarks took longer than ${LIMIT_MS / 1000} s and were ended.`);
  setTimeout(() => controller.abort(error), LIMIT_MS).unref();
  return controller.signal;
}
