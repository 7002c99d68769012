/** What the time of one run goes to: when each step of its way was done, as the farm itself records it. */
import type { Run } from "@spell/sdk";
import type { Bench, Section } from "./measurement.ts";
import { untilComplete, warmUp } from "./runs.ts";
import { mean } from "./statistics.ts";
import { formatNumber, formatTable } from "./table.ts";
import { parseEpochTime, wallClock } from "./wall-clock.ts";

/** Milliseconds from the call to the end of each step, in order. */
type Timeline = Map<string, number>;

/** The farm records whole milliseconds, cut off: on average half a one is missing. */
const CUT_OFF_MS = 0.5;

export async function measureBreakdown(bench: Bench): Promise<Section[]> {
  const timelines: Timeline[] = [];
  await warmUp(bench);
  for (let count = bench.samples(60); count > 0; count -= 1) timelines.push(await sampleTimeline(bench));
  const steps = [...(timelines[0]?.keys() ?? [])];
  let beforeMs = 0;
  const figures = steps.map((name) => {
    const untilMs = mean(timelines.map((timeline) => timeline.get(name) ?? Number.NaN));
    const stepMs = untilMs - beforeMs;
    beforeMs = untilMs;
    return { name, stepMs, untilMs };
  });
  const rows = figures.map(({ name, stepMs, untilMs }) => [name, formatNumber(stepMs), formatNumber(untilMs)]);
  const title = `Where the time of one run goes (means of ${timelines.length} runs, ms)`;
  return [{ title, lines: formatTable([["", "step", "until then"], ...rows], new Set([1, 2])), figures }];
}

async function sampleTimeline({ farm, signal }: Bench): Promise<Timeline> {
  const clock = wallClock();
  const submittedAt = clock();
  const run = await farm.client.runs.create({ command: "echo $EPOCHREALTIME" }, { signal });
  const createdAt = clock();
  await untilComplete(run, signal);
  const knownAt = clock();
  const log = await readTimes(run, signal);
  const { createdAtMs, endedAtMs } = run.record;
  const told: [string, number][] = [
    ["coordinator has checked the request", createdAtMs + CUT_OFF_MS],
    ["it is committed, and the client has its id", createdAt],
    ["agent has it in its journal and has opened its log", log.notice("building")],
    ["code and mounts are there", log.notice("running")],
    ["sandbox is made, the command runs", log.commandAt],
    ["agent has seen that it and all of its processes are gone", log.notice("saving")],
    ["its files are looked through", log.notice("pushing")],
    ["log is archived, coordinator decides on the end", endedAtMs + CUT_OFF_MS],
    ["it is committed, and the waiting client knows", knownAt],
  ];
  return new Map(told.map(([step, at]) => [step, at - submittedAt]));
}

interface LogTimes {
  /** When the command told the time. */
  commandAt: number;
  /** When the notice about this status was written. */
  notice(status: string): number;
}

async function readTimes(run: Run, signal: AbortSignal): Promise<LogTimes> {
  const notices = new Map<string, number>();
  let commandAt = Number.NaN;
  for await (const { atMs, text, status, level, statusEvent } of run.logs({ signal })) {
    if (statusEvent && !notices.has(status)) notices.set(status, atMs + CUT_OFF_MS);
    if (level === "" && !statusEvent) commandAt = parseEpochTime(text);
  }
  return { commandAt, notice: (status) => notices.get(status) ?? Number.NaN };
}
