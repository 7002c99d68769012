/** How long it takes until a fault is noticed, and until what a killed part did is done again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { apiOf } from "./api.ts";
import { startFarm } from "./farm.ts";
import type { Farm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { atMost, durations, figureTable } from "./figure.ts";
import { fillRecord } from "./fill-record.ts";
import type { Bench, Section } from "./measurement.ts";
import { wallClock } from "./wall-clock.ts";

/** Samples of each fault. */
const ROUNDS = 10;
const HELD_RUNS = 4;
const RECORDED_RUNS = 100_000;
/** Of those, so many wait for a machine that is not there. */
const WAITING_SHARE = 0.1;
const LOOK_EVERY_MS = 5;

/** On farms of their own: whatever else is measured must not be disturbed. */
export async function measureRecovery(bench: Bench): Promise<Section[]> {
  const figures = [...(await measureAgent(bench)), await measureCoordinator(bench)];
  return [{ title: "Recovery", lines: figureTable(figures), figures }];
}

async function measureAgent(bench: Bench): Promise<Figure[]> {
  await using farm = await startFarm(join(bench.folder, "agent"), ["--cpu-slots", "8"], bench.signal);
  const signal = AbortSignal.any([bench.signal, farm.lost]);
  const own = { ...bench, farm, signal };
  const runs = [];
  const command = "while :; do echo $EPOCHREALTIME; sleep 0.01; done";
  for (let count = 0; count < HELD_RUNS; count += 1) runs.push(await farm.client.runs.create({ command }, { signal }));
  for (const run of runs) await run.waitStatuses(["running"], { signal });
  const [followed] = runs;
  if (followed === undefined) throw new Error("no run to follow");
  const noticed: number[] = [];
  const adopted: number[] = [];
  for (let round = bench.samples(ROUNDS); round > 0; round -= 1) {
    noticed.push(await untilNoticed(own));
    adopted.push(await untilAdopted(own, followed.id));
  }
  for (const run of runs) {
    await run.refresh({ signal });
    if (run.status !== "running") throw new Error(`run ${run.id} is ${run.status}: ${run.reason}`);
    await run.kill({ signal });
  }
  const lost = durations("agent stopped → shown as silent", noticed);
  const again = durations(`agent killed with ${HELD_RUNS} runs: start → a follower has the next line`, adopted);
  return [
    { ...lost, bar: atMost(lost, { p50: 15_000, p99: 15_000 }) },
    { ...again, bar: atMost(again, { p50: 1_000, p99: 1_000 }) },
  ];
}

/** SIGSTOP, as a machine that hangs; it goes on afterwards. */
async function untilNoticed({ farm, signal }: Bench): Promise<number> {
  const pid = pidOf(farm, "agent");
  const isSilent = async (): Promise<boolean> => {
    const [agent] = await farm.client.account.listAgents({ signal });
    return agent === undefined || !agent.connected || agent.silent;
  };
  const stoppedAt = performance.now();
  process.kill(pid, "SIGSTOP");
  try {
    while (!(await isSilent())) await delay(LOOK_EVERY_MS, undefined, { signal });
    return performance.now() - stoppedAt;
  } finally {
    process.kill(pid, "SIGCONT");
    while (await isSilent()) await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** From the start of the new process, by the kernel's clock, to the first line that it sent. */
async function untilAdopted({ farm, signal }: Bench, runId: number): Promise<number> {
  const before = pidOf(farm, "agent");
  const leave = new AbortController();
  const lines = followed(farm, runId, AbortSignal.any([signal, leave.signal]));
  try {
    await lines.next();
    process.kill(before, "SIGKILL");
    const startedAtMs = await startOf(farm, { name: "agent", not: before }, signal);
    const clock = wallClock();
    for (;;) {
      const line = await lines.next();
      if (line.done) throw new Error(`the log of run ${runId} ended`);
      if (clock() > startedAtMs && Number(line.value) * 1_000 > startedAtMs) return clock() - startedAtMs;
    }
  } finally {
    leave.abort();
  }
}

async function* followed(farm: Farm, runId: number, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const run = await farm.client.runs.get(runId, { signal });
  for await (const { text, level, statusEvent } of run.logs({ follow: true, offset: -1, signal })) {
    if (level === "" && !statusEvent) yield text;
  }
}

async function measureCoordinator(bench: Bench): Promise<Figure> {
  const count = bench.samples(RECORDED_RUNS);
  const folder = join(bench.folder, "coordinator");
  const flags = ["--expect-machine-type", "V100"];
  // Once, to make the record.
  await (await startFarm(folder, flags, bench.signal))[Symbol.asyncDispose]();
  await fillRecord(join(folder, "data"), { ended: count * (1 - WAITING_SHARE), waiting: count * WAITING_SHARE });
  await using farm = await startFarm(folder, flags, bench.signal);
  const signal = AbortSignal.any([bench.signal, farm.lost]);
  const samples: number[] = [];
  for (let round = bench.samples(ROUNDS); round > 0; round -= 1) samples.push(await untilServing(farm, signal));
  const serving = durations(
    `coordinator killed with ${count.toLocaleString("en-US")} runs: start → it serves`,
    samples,
  );
  return { ...serving, bar: atMost(serving, { p50: 2_000, p99: 2_000 }) };
}

/** From the start of the new process to the first answer that needed the record. */
async function untilServing(farm: Farm, signal: AbortSignal): Promise<number> {
  const before = pidOf(farm, "coordinator");
  process.kill(before, "SIGKILL");
  const startedAtMs = await startOf(farm, { name: "coordinator", not: before }, signal);
  const { runs, headers } = apiOf(farm);
  const clock = wallClock();
  for (;;) {
    const answer = await fetch(`${runs}?number=1`, { headers, signal }).catch(() => undefined);
    if (answer?.ok) return clock() - startedAtMs;
    signal.throwIfAborted();
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** When the process that took the place of another was started, Unix time in milliseconds. */
async function startOf(farm: Farm, part: { name: string; not: number }, signal: AbortSignal): Promise<number> {
  for (;;) {
    const pid = farm.processes().find(({ name }) => name === part.name)?.pid;
    if (pid !== undefined && pid !== part.not) return startTimeMs(pid);
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** The kernel counts in hundredths of a second since its boot. */
function startTimeMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const uptimeS = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  return Date.now() - (uptimeS * 1_000 - ticks * 10);
}

function pidOf(farm: Farm, part: string): number {
  const pid = farm.processes().find(({ name }) => name === part)?.pid;
  if (pid === undefined) throw new Error(`the farm has no ${part}`);
  return pid;
}
