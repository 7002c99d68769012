/** Ten thousand runs in one list: over HTTP, over gRPC, and as either Python package gives them. */
import { join } from "node:path";
import { z } from "zod";
import { apiOf } from "./api.ts";
import { startFarm } from "./farm.ts";
import type { Figure } from "./figure.ts";
import { comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import { preparePythonClients } from "./python-clients.ts";
import { startPythonScript } from "./python-script.ts";
import { runToItsEnd } from "./runs.ts";

const RUNS = 10_000;
const AT_ONCE = 16;
/** Of each kind; the first of them does not count. */
const SAMPLES = 10;

const answerSchema = z.object({ runs: z.array(z.unknown()) });

/** On a farm of its own, whose executor starts no processes. */
export async function measureList(bench: Bench): Promise<Section[]> {
  const flags = ["--cpu-slots", "8", "--executor", "dummy"];
  await using farm = await startFarm(join(bench.folder, "dummy"), flags, bench.signal);
  const own = { ...bench, farm, signal: AbortSignal.any([bench.signal, farm.lost]) };
  const count = bench.samples(RUNS);
  await makeRuns(own, count);
  await using clients = await preparePythonClients(farm, bench.folder);
  await using ours = startPythonScript(clients.ours, bench.folder, own.signal);
  await using historical = clients.historical && startPythonScript(clients.historical, bench.folder, own.signal);
  const ways = {
    http: () => timed(count, () => listOverHttp(own, count)),
    grpc: () => timed(count, async () => (await farm.client.runs.list({ number: count, signal: own.signal })).length),
    ours: async () => checked(await ours.list(count), count),
    historical: historical && (async () => checked(await historical.list(count), count)),
  };
  const samples = { http: [] as number[], grpc: [] as number[], ours: [] as number[], historical: [] as number[] };
  for (let left = bench.samples(SAMPLES) + 1; left > 0; left -= 1) {
    own.signal.throwIfAborted();
    samples.http.push(await ways.http());
    samples.grpc.push(await ways.grpc());
    samples.ours.push(await ways.ours());
    if (ways.historical !== undefined) samples.historical.push(await ways.historical());
  }
  const http = later("HTTP: asked → parsed", samples.http);
  const figures = [http, comparedWith(later("gRPC: client.runs.list()", samples.grpc), http, "HTTP")];
  const python = later("our Python package: client.runs.list()", samples.ours);
  if (ways.historical === undefined) figures.push(python);
  else {
    const reference = later("  the historical package", samples.historical);
    figures.push(comparedWith(python, reference, "historical"), reference);
  }
  const title = `${count.toLocaleString("en-US")} runs listed`;
  return [{ title, lines: [...figureTable(figures), ...clients.remarks], figures }];
}

/** All of them end before the first failure is told. */
async function makeRuns(bench: Bench, count: number): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await runToItsEnd(bench, { command: "python train.py --epochs 3" }).catch((error: unknown) => {
        left = 0;
        throw error;
      });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
  const failed = lanes.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function listOverHttp({ farm, signal }: Bench, count: number): Promise<number> {
  const { runs, headers } = apiOf(farm);
  const response = await fetch(`${runs}?page_size=${count}`, { headers, signal });
  if (!response.ok) throw new Error(`the list was answered with ${response.status}: ${await response.text()}`);
  return answerSchema.parse(await response.json()).runs.length;
}

async function timed(count: number, list: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const listed = await list();
  return checked({ listMs: performance.now() - startedAt, count: listed }, count);
}

function checked({ listMs, count }: { listMs: number; count: number }, expected: number): number {
  if (count !== expected) throw new Error(`${count} of ${expected} runs were listed`);
  return listMs;
}

function later(name: string, [, ...values]: readonly number[]): Figure {
  return durations(name, values);
}
