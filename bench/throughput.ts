/** Runs per second with eight slots that are never idle, against the machine's own limit, and what each part works for one. */
import { join } from "node:path";
import { BareSandbox, plainBwrap } from "./bare-sandbox.ts";
import type { Farm } from "./farm.ts";
import { startFarm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { atLeast, comparedWith, figureTable, shareOf } from "./figure.ts";
import { keepInFlight } from "./in-flight.ts";
import type { Rate } from "./in-flight.ts";
import type { Bench, Section } from "./measurement.ts";
import { processorMs } from "./processes.ts";
import { runToItsEnd, warmUp } from "./runs.ts";
import { median } from "./statistics.ts";

const SLOTS = 8;
const ROUNDS = 3;
const WINDOW_MS = 3_000;
/** Shorter ones are all beginning and end. */
const LEAST_WINDOW_MS = 600;
const PARTS = ["coordinator", "agent", "nats-server"];

/** One kind's turn in one round, with the processor time of the farm's parts meanwhile. */
interface Turn extends Rate {
  processorMs: ReadonlyMap<string, number>;
}

/** Rounds in which each kind has its turn, so that a slow moment of the machine hits all of them. */
export async function measureThroughput(bench: Bench): Promise<Section[]> {
  const bare = new BareSandbox(bench.farm, bench.folder);
  await warmUp(bench);
  const task = () => runToItsEnd(bench, { command: "true" });
  const bareTask = async (): Promise<void> => (await bare.run("true")).dispose();
  const [eight = [], sixteen = [], direct = [], plain = []] = await inRounds(bench, [
    [SLOTS, task],
    [2 * SLOTS, task],
    [SLOTS, bareTask],
    [SLOTS, plainBwrap],
  ]);
  const [dummyEight = [], dummySixteen = []] = await measureDummy(bench);
  const reference = rate("  the same sandboxes directly, 8 at a time", direct);
  const full = comparedWith(rate("runs in sandboxes, 8 in flight", eight), reference, "bare");
  const dummy = rate("dummy executor, 8 in flight", dummyEight);
  const figures = [
    { ...full, goal: shareOf(full, reference, 60) },
    comparedWith(rate("  16 in flight: 8 run, 8 wait", sixteen), reference, "bare"),
    reference,
    rate("  bwrap without overlays, 8 at a time", plain),
    { ...dummy, goal: atLeast(dummy, 500) },
    rate("  16 in flight: 8 run, 8 wait", dummySixteen),
  ];
  const work = [...workOf("runs in sandboxes", eight), ...workOf("dummy executor", dummyEight)];
  return [
    { title: "Runs per second (p50 of the rounds)", lines: figureTable(figures), figures },
    { title: "Processor time for one run, 8 in flight (means)", lines: figureTable(work), figures: work },
  ];
}

/** A farm of its own, which starts no processes. */
async function measureDummy(bench: Bench): Promise<Turn[][]> {
  const flags = ["--cpu-slots", String(SLOTS), "--executor", "dummy"];
  await using farm = await startFarm(join(bench.folder, "dummy"), flags, bench.signal);
  const dummy = { ...bench, farm, signal: AbortSignal.any([bench.signal, farm.lost]) };
  await warmUp(dummy);
  const task = () => runToItsEnd(dummy, { command: "true" });
  // Awaited here: the farm ends when this returns.
  return await inRounds(dummy, [
    [SLOTS, task],
    [2 * SLOTS, task],
  ]);
}

/** For each kind its turns in all rounds. */
async function inRounds(
  { farm, signal, samples }: Bench,
  kinds: readonly (readonly [atOnce: number, task: () => Promise<unknown>])[],
): Promise<Turn[][]> {
  const turns: Turn[][] = kinds.map(() => []);
  const rounds = samples(ROUNDS);
  const forMs = Math.max(LEAST_WINDOW_MS, samples(WINDOW_MS));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [atOnce, task]] of kinds.entries()) {
      const before = readProcessorMs(farm);
      const measured = await keepInFlight({ atOnce, forMs, signal }, task);
      const spent = [...readProcessorMs(farm)].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const);
      turns[index]?.push({ ...measured, processorMs: new Map(spent) });
    }
  }
  return turns;
}

function readProcessorMs(farm: Farm): Map<string, number> {
  return new Map(farm.processes().map(({ name, pid }) => [name, processorMs(pid)]));
}

function rate(name: string, turns: readonly Turn[]): Figure {
  return { name, unit: "/s", p50: median(turns.map(({ perSecond }) => perSecond)), samples: countOf(turns) };
}

function workOf(kind: string, turns: readonly Turn[]): Figure[] {
  const count = countOf(turns);
  return PARTS.map((part) => {
    const spentMs = turns.reduce((sum, turn) => sum + (turn.processorMs.get(part) ?? 0), 0);
    return { name: `${part}, ${kind}`, unit: "ms", p50: spentMs / count, samples: count };
  });
}

function countOf(turns: readonly Turn[]): number {
  return turns.reduce((sum, { count }) => sum + count, 0);
}
