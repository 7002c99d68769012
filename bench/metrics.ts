/** Points that one run sends with the Python package: how many reach their readers, and what that costs the runs beside it. */
import { setTimeout as delay } from "node:timers/promises";
import { startBareMetrics } from "./bare-metrics.ts";
import type { Farm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { atLeast, comparedWith, durations, figureTable } from "./figure.ts";
import { delaysOfLines } from "./log-delay.ts";
import type { Bench, Section } from "./measurement.ts";
import type { Load, Sent } from "./metric-sender.ts";
import { sendFromRun, sendToBare } from "./metric-sender.ts";
import { processorMs } from "./processes.ts";
import { warmUp } from "./runs.ts";
import { sampleStart } from "./start.ts";
import { median } from "./statistics.ts";

const ROUNDS = 3;
const SECONDS = 4;
const GOAL = 10_000;
const PARTS = ["coordinator", "agent"];
/** In these, one run after the other is started and the lines of one are followed. */
const BESIDE_SECONDS = 12;
const STARTS = 40;
const LINES = 300;

/** What others feel in a while, and what the farm's parts work in it. */
interface Beside {
  starts: number[];
  lines: number[];
  /** Processor time of each part in a second, milliseconds. */
  work: Map<string, number>;
}

export async function measureMetrics(bench: Bench): Promise<Section[]> {
  await warmUp(bench);
  const sent = [...(await measureRate(bench, "one process", 1)), ...(await measureRate(bench, "four processes", 4))];
  const quiet = await measureBeside(bench);
  const seconds = Math.max(3, bench.samples(BESIDE_SECONDS));
  const sending = sendFromRun(bench, { processes: 1, seconds, perSecond: GOAL });
  // Told below, by whoever waits for it.
  sending.catch(() => undefined);
  await delay(1_000, undefined, { signal: bench.signal });
  const loaded = await measureBeside(bench);
  const steady = await sending;
  const lag = durations("the last sent → all are readable", [steady.readableAtMs - steady.lastAtMs]);
  const beside = [...besideFigures(loaded, quiet), ...workFigures(loaded, quiet), lag];
  const title = `Beside a run that sends ${Math.round(rateOf(steady)).toLocaleString("en-US")} points/s`;
  return [
    { title: "Points of one run, sent → readable", lines: figureTable(sent), figures: sent },
    { title, lines: figureTable(beside), figures: beside },
  ];
}

/** As many as they can, in turn with the same senders against a bare server. */
async function measureRate(bench: Bench, who: string, processes: number): Promise<Figure[]> {
  const load: Load = { processes, seconds: Math.max(1, bench.samples(SECONDS)), perSecond: 0 };
  await using bare = await startBareMetrics(bench.signal);
  const ours: Sent[] = [];
  const others: Sent[] = [];
  for (let round = 0; round < bench.samples(ROUNDS); round += 1) {
    ours.push(await sendFromRun(bench, load));
    others.push(await sendToBare(load, bare.address, bench.signal));
  }
  const reference = rate("  to a bare HTTP server", others);
  const rated = comparedWith(rate(`${who}, as fast as it can`, ours), reference, "bare");
  const lag = ours.map(({ lastAtMs, readableAtMs }) => readableAtMs - lastAtMs);
  return [{ ...rated, goal: atLeast(rated, GOAL) }, reference, durations("  the last sent → all are readable", lag)];
}

async function measureBeside(bench: Bench): Promise<Beside> {
  const { farm, samples } = bench;
  const before = workOf(farm);
  const startedAt = performance.now();
  const starts: number[] = [];
  for (let count = samples(STARTS); count > 0; count -= 1) starts.push(await sampleStart(bench));
  const lines = await delaysOfLines(bench, samples(LINES));
  const seconds = (performance.now() - startedAt) / 1000;
  const work = [...workOf(farm)].map(([part, ms]) => [part, (ms - (before.get(part) ?? 0)) / seconds] as const);
  return { starts, lines, work: new Map(work) };
}

function besideFigures(loaded: Beside, quiet: Beside): Figure[] {
  const pairs = [
    ["submit → process start", loaded.starts, quiet.starts],
    ["line printed → follower has it", loaded.lines, quiet.lines],
  ] as const;
  return pairs.flatMap(([name, with_, without]) => {
    const reference = durations("  while nothing is sent", without);
    return [comparedWith(durations(name, with_), reference, "quiet"), reference];
  });
}

function workFigures(loaded: Beside, quiet: Beside): Figure[] {
  return PARTS.flatMap((part) => {
    const figure = (name: string, { work }: Beside): Figure => ({
      ...{ name, unit: "ms", p50: work.get(part) ?? Number.NaN, samples: 1 },
    });
    return [figure(`processor time of the ${part}, in a second`, loaded), figure("  while nothing is sent", quiet)];
  });
}

function workOf(farm: Farm): Map<string, number> {
  return new Map(farm.processes().map(({ name, pid }) => [name, processorMs(pid)]));
}

function rate(name: string, all: readonly Sent[]): Figure {
  return { name, unit: "/s", p50: median(all.map(rateOf)), samples: all.reduce((sum, { points }) => sum + points, 0) };
}

function rateOf({ points, firstAtMs, readableAtMs }: Sent): number {
  return (points / (readableAtMs - firstAtMs)) * 1000;
}
