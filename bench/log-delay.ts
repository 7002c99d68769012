/** A line is printed → a client that follows the log has it. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { atMost, comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { wallClock } from "./wall-clock.ts";

/** Each line is the moment at which it is printed, in nanoseconds. */
const PRINTER = `
import sys, time
for line in range(int(sys.argv[1])):
    time.sleep(0.015)
    print(time.time_ns(), flush=True)
`;

export async function measureLogDelay(bench: Bench): Promise<Section[]> {
  const count = bench.samples(500);
  const piped = durations("  the same lines through a pipe", await samplePipe(count, bench.signal));
  const delay = comparedWith(
    durations("line printed → follower has it", await delaysOfLines(bench, count)),
    piped,
    "pipe",
  );
  const figures = [{ ...delay, goal: atMost(delay, { p50: 5, p99: 30 }) }, piped];
  return [{ title: "Log delay", lines: figureTable(figures), figures }];
}

/** Of lines that a run of the farm prints, milliseconds. */
export async function delaysOfLines({ farm, signal }: Bench, count: number): Promise<number[]> {
  const delays: number[] = [];
  const run = await farm.client.runs.create({ command: `python3 -c '${PRINTER}' ${count}` }, { signal });
  const clock = wallClock();
  for await (const { text, level, statusEvent } of run.logs({ follow: true, signal })) {
    if (level === "" && !statusEvent) delays.push(clock() - Number(text) / 1e6);
  }
  return checked(delays, count);
}

async function samplePipe(count: number, signal: AbortSignal): Promise<number[]> {
  const delays: number[] = [];
  const child = spawn("python3", ["-c", PRINTER, String(count)], { stdio: ["ignore", "pipe", "inherit"], signal });
  // An abort is told by the lines that are missing then.
  child.on("error", () => undefined);
  const clock = wallClock();
  for await (const text of createInterface({ input: child.stdout })) delays.push(clock() - Number(text) / 1e6);
  signal.throwIfAborted();
  return checked(delays, count);
}

function checked(delays: number[], count: number): number[] {
  if (delays.length === count && delays.every(Number.isFinite)) return delays;
  throw new Error(`${delays.length} of ${count} lines arrived, or one was not what was printed`);
}
