/** Submit → the command runs; submit → a waiting client knows that it is done. */
import { BareSandbox } from "./bare-sandbox.ts";
import { atMost, comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { linesOf, runToItsEnd, untilComplete, warmUp } from "./runs.ts";
import { parseEpochTime, wallClock } from "./wall-clock.ts";

/** The time costs nothing to tell: bash knows it by itself. */
const TELL_TIME = "echo $EPOCHREALTIME";

/** Each sample of the farm is followed by one of the same sandbox without Spell. */
export async function measureStart(bench: Bench): Promise<Section[]> {
  const bare = new BareSandbox(bench.farm, bench.folder);
  const samples = { start: [] as number[], bareStart: [] as number[], done: [] as number[], bareDone: [] as number[] };
  await warmUp(bench);
  for (let count = bench.samples(100); count > 0; count -= 1) {
    bench.signal.throwIfAborted();
    samples.start.push(await sampleStart(bench));
    samples.bareStart.push(await sampleBareStart(bare));
    samples.done.push(await timed(() => runToItsEnd(bench, { command: "true" })));
    samples.bareDone.push(await sampleBareDone(bare));
  }
  const bareStart = durations("  the same sandbox started directly", samples.bareStart);
  const bareDone = durations("  the same sandbox, until its end", samples.bareDone);
  const start = comparedWith(durations("submit → process start", samples.start), bareStart, "bare");
  const done = comparedWith(durations("submit → known to be done", samples.done), bareDone, "bare");
  const figures = [
    { ...start, bar: atMost(start, { p50: 15 }), goal: atMost(start, { p50: 8, p99: 25 }) },
    bareStart,
    { ...done, bar: atMost(done, { p50: 30 }), goal: atMost(done, { p50: 15 }) },
    bareDone,
  ];
  return [{ title: "One run", lines: figureTable(figures), figures }];
}

/** Submit → the command runs, milliseconds. */
export async function sampleStart({ farm, signal }: Bench): Promise<number> {
  const clock = wallClock();
  const submittedAt = clock();
  const run = await farm.client.runs.create({ command: TELL_TIME }, { signal });
  await untilComplete(run, signal);
  const [line = ""] = await linesOf(run, signal);
  return parseEpochTime(line) - submittedAt;
}

async function sampleBareStart(bare: BareSandbox): Promise<number> {
  const clock = wallClock();
  const askedAt = clock();
  const run = await bare.run(TELL_TIME);
  await run.dispose();
  return parseEpochTime(run.output) - askedAt;
}

async function sampleBareDone(bare: BareSandbox): Promise<number> {
  const askedAt = performance.now();
  const run = await bare.run("true");
  await run.dispose();
  return run.endedAt - askedAt;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
