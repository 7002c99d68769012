/** Runs per second with eight slots that are never idle, against the machine's own limit. */
import { join } from "node:path";
import { BareSandbox, plainBwrap } from "./bare-sandbox.ts";
import { startFarm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { atLeast, comparedWith, figureTable, shareOf } from "./figure.ts";
import type { Rate } from "./in-flight.ts";
import { keepInFlight } from "./in-flight.ts";
import type { Bench, Section } from "./measurement.ts";
import { runToItsEnd, warmUp } from "./runs.ts";
import { median } from "./statistics.ts";

const SLOTS = 8;
const ROUNDS = 3;
const WINDOW_MS = 3_000;
/** Shorter ones are all beginning and end. */
const LEAST_WINDOW_MS = 600;

/** Rounds in which each kind has its turn, so that a slow moment of the machine hits all of them. */
export async function measureThroughput(bench: Bench): Promise<Section[]> {
  const bare = new BareSandbox(bench.farm, bench.folder);
  await warmUp(bench);
  const task = () => runToItsEnd(bench, { command: "true" });
  const bareTask = async (): Promise<void> => (await bare.run("true")).dispose();
  const rounds = await inRounds(bench, [
    [SLOTS, task],
    [2 * SLOTS, task],
    [SLOTS, bareTask],
    [SLOTS, plainBwrap],
  ]);
  const [eight, sixteen] = await measureDummy(bench);
  const reference = rate("  the same sandboxes directly, 8 at a time", rounds[2]);
  const full = comparedWith(rate("runs in sandboxes, 8 in flight", rounds[0]), reference, "bare");
  const dummy = rate("dummy executor, 8 in flight", eight);
  const figures = [
    { ...full, goal: shareOf(full, reference, 60) },
    comparedWith(rate("  16 in flight: 8 run, 8 wait", rounds[1]), reference, "bare"),
    reference,
    rate("  bwrap without overlays, 8 at a time", rounds[3]),
    { ...dummy, goal: atLeast(dummy, 500) },
    rate("  16 in flight: 8 run, 8 wait", sixteen),
  ];
  return [{ title: "Runs per second (p50 of the rounds)", lines: figureTable(figures), figures }];
}

/** A farm of its own, which starts no processes. */
async function measureDummy(bench: Bench): Promise<Rate[][]> {
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

/** For each kind its rates in all rounds. */
async function inRounds(
  { signal, samples }: Bench,
  kinds: readonly (readonly [atOnce: number, task: () => Promise<unknown>])[],
): Promise<Rate[][]> {
  const rates: Rate[][] = kinds.map(() => []);
  const rounds = samples(ROUNDS);
  const forMs = Math.max(LEAST_WINDOW_MS, samples(WINDOW_MS));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [atOnce, task]] of kinds.entries()) {
      rates[index]?.push(await keepInFlight({ atOnce, forMs, signal }, task));
    }
  }
  return rates;
}

function rate(name: string, rounds: readonly Rate[] = []): Figure {
  const samples = rounds.reduce((sum, { count }) => sum + count, 0);
  return { name, unit: "/s", p50: median(rounds.map(({ perSecond }) => perSecond)), samples };
}
