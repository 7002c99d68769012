/** What the parts of an idle farm hold in memory: one that has just started, and the one that was measured. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Farm } from "./farm.ts";
import { startFarm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { comparedWith, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { residentMebibytes } from "./processes.ts";

/** Until nothing of the start or of the last run is under way any more. */
const QUIET_MS = 2_000;
const PARTS = ["coordinator", "agent", "nats-server", "up"];

export async function measureMemory(bench: Bench): Promise<Section[]> {
  const reference = figureOf("  a Node that does nothing", await bareNode());
  const fresh = await startFresh(bench);
  const used = await readParts(bench.farm, bench.signal);
  const figures = [
    ...PARTS.map((part) => compared(`${part}, just started`, fresh.get(part))),
    compared("together, just started", sum(fresh)),
    ...PARTS.map((part) => compared(`${part}, after the measurements`, used.get(part))),
    compared("together, after the measurements", sum(used)),
    reference,
  ];
  return [{ title: "Memory when idle (resident set)", lines: figureTable(figures), figures }];

  function compared(name: string, mebibytes = Number.NaN): Figure {
    return comparedWith(figureOf(name, mebibytes), reference, "node");
  }
}

async function startFresh(bench: Bench): Promise<Map<string, number>> {
  await using farm = await startFarm(join(bench.folder, "fresh"), ["--cpu-slots", "8"], bench.signal);
  return await readParts(farm, bench.signal);
}

async function readParts(farm: Farm, signal: AbortSignal): Promise<Map<string, number>> {
  await delay(QUIET_MS, undefined, { signal });
  return new Map(farm.processes().map(({ name, pid }) => [name, residentMebibytes(pid)]));
}

async function bareNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "console.log('up'); setInterval(() => {}, 1e6)"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.stdout.once("data", resolve);
    });
    return residentMebibytes(child.pid ?? 0);
  } finally {
    child.kill("SIGKILL");
  }
}

function figureOf(name: string, mebibytes: number): Figure {
  return { name, unit: "MiB", p50: mebibytes, samples: 1 };
}

function sum(parts: ReadonlyMap<string, number>): number {
  return [...parts.values()].reduce((total, each) => total + each, 0);
}
