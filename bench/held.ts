/** A thousand clients that wait for one run: what each connection costs the coordinator, and when all of them know. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FINAL_STATUSES } from "@spell/sdk";
import { apiOf } from "./api.ts";
import { startBareHolder } from "./bare-holder.ts";
import { startFarm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { comparedWith, durations, figureTable } from "./figure.ts";
import { holdConnections } from "./hold-connections.ts";
import type { Bench, Section } from "./measurement.ts";
import { residentMebibytes } from "./processes.ts";
import { warmUp } from "./runs.ts";

const CROWD = 1_000;
const ROUNDS = 3;
/** Until nothing of what went before is under way any more. */
const QUIET_MS = 2_000;
/** The farm records whole milliseconds, cut off: on average half a one is missing. */
const CUT_OFF_MS = 0.5;

/** Whoever holds connections, and lets all of them know. */
interface Holder {
  pid: number;
  /** Opens so many, and gives the moment (Unix time) at which each was told, once `end` was called. */
  hold(count: number): Promise<Held>;
}

interface Held {
  /** Ends what they wait for: when it ended, and when each knew. */
  end(): Promise<{ endedAtMs: number; knownAtMs: number[] }>;
}

interface Measured {
  kibibytesEach: number;
  alone: number[];
  each: number[];
  last: number[];
}

/** On a fresh farm: memory that a process has free already is used first, and then a connection seems to cost nothing. */
export async function measureHeld(bench: Bench): Promise<Section[]> {
  const crowd = bench.samples(CROWD);
  await using farm = await startFarm(join(bench.folder, "fresh"), ["--cpu-slots", "8"], bench.signal);
  const own = { ...bench, farm, signal: AbortSignal.any([bench.signal, farm.lost]) };
  await warmUp(own);
  const measured = await measure(own, crowd, farmHolder(own));
  await using bare = await startBareHolder(bench.signal);
  const reference = await measure(own, crowd, {
    pid: bare.pid,
    hold: async (count) => {
      const known = await holdConnections({ url: bare.url, count, signal: own.signal });
      return { end: async () => ({ endedAtMs: (await bare.end()) + CUT_OFF_MS, knownAtMs: await known.all }) };
    },
  });
  const others = rowsOf(reference, crowd);
  const figures = rowsOf(measured, crowd).flatMap((figure, index) => {
    const other = others[index];
    if (other === undefined) return [];
    // How much free memory either had already differs: no ratio of growths.
    const own = figure.unit === "KiB" ? figure : comparedWith(figure, other, "bare");
    return [own, { ...other, name: "  a bare HTTP server" }];
  });
  return [
    { title: `${crowd.toLocaleString("en-US")} held wait_status connections`, lines: figureTable(figures), figures },
  ];
}

async function measure({ samples, signal }: Bench, crowd: number, holder: Holder): Promise<Measured> {
  const measured: Measured = { kibibytesEach: Number.NaN, alone: [], each: [], last: [] };
  for (let round = 0; round < samples(ROUNDS); round += 1) {
    measured.alone.push(...(await delays(await holder.hold(1))));
    await delay(QUIET_MS, undefined, { signal });
    const before = residentMebibytes(holder.pid);
    const held = await holder.hold(crowd);
    await delay(QUIET_MS, undefined, { signal });
    // In later rounds the memory is there already.
    if (round === 0) measured.kibibytesEach = ((residentMebibytes(holder.pid) - before) * 1024) / crowd;
    const all = await delays(held);
    measured.each.push(...all);
    measured.last.push(Math.max(...all));
  }
  return measured;
}

async function delays(held: Held): Promise<number[]> {
  const { endedAtMs, knownAtMs } = await held.end();
  return knownAtMs.map((atMs) => atMs - endedAtMs);
}

function farmHolder({ farm, signal }: Bench): Holder {
  const { runs, headers } = apiOf(farm);
  const pid = farm.processes().find(({ name }) => name === "coordinator")?.pid;
  if (pid === undefined) throw new Error("the farm has no coordinator");
  const body = JSON.stringify({ statuses: FINAL_STATUSES });
  return {
    pid,
    hold: async (count) => {
      const run = await farm.client.runs.create({ command: "sleep 600" }, { signal });
      await run.waitStatuses(["running"], { signal });
      const known = await holdConnections({ url: `${runs}/${run.id}/wait_status`, headers, body, count, signal });
      const end = async () => {
        await run.kill({ signal });
        await run.waitStatuses(FINAL_STATUSES, { signal });
        const knownAtMs = await known.all;
        return { endedAtMs: run.record.endedAtMs + CUT_OFF_MS, knownAtMs };
      };
      return { end };
    },
  };
}

function rowsOf({ kibibytesEach, alone, each, last }: Measured, crowd: number): Figure[] {
  return [
    { name: "growth of resident memory for each", unit: "KiB", p50: kibibytesEach, samples: crowd },
    durations("end → the only one held knows", alone),
    durations("end → each of them knows", each),
    durations("end → all of them know", last),
  ];
}
