/** Thousands of waiting runs ended by one call, against a call for each, and what others notice meanwhile. */
import { join } from "node:path";
import { z } from "zod";
import { apiOf } from "./api.ts";
import { startFarm } from "./farm.ts";
import { comparedWith, durations, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";

const RUNS = 2_000;
/** Of them one after the other, in the reference. */
const SINGLE = 200;
const CREATED_AT_ONCE = 100;
const ROUNDS = 3;
/** Nobody has it: its runs wait. */
const MACHINE_TYPE = "V100";

const answerSchema = z.object({ successful_run_ids: z.array(z.number()) });

/** On a farm of its own. */
export async function measureBatch(bench: Bench): Promise<Section[]> {
  await using farm = await startFarm(join(bench.folder, "own"), ["--expect-machine-type", MACHINE_TYPE], bench.signal);
  const own = { ...bench, farm, signal: AbortSignal.any([bench.signal, farm.lost]) };
  const samples = { single: [] as number[], kill: [] as number[], stop: [] as number[] };
  const calls = { quiet: [] as number[], meanwhile: [] as number[] };
  for (let round = bench.samples(ROUNDS); round > 0; round -= 1) {
    for (const verb of ["kill", "stop"] as const) {
      const ids = await makeWaiting(own, bench.samples(RUNS));
      const single = ids.splice(0, bench.samples(SINGLE));
      for (const id of single) samples.single.push(await timed(() => post(own, `${id}/${verb}`)));
      for (let count = 20; count > 0; count -= 1) calls.quiet.push(await timed(() => get(own, ids[0])));
      let isOver = false;
      const others = (async () => {
        while (!isOver) calls.meanwhile.push(await timed(() => get(own, ids[0])));
      })();
      // Told below, once the batch has ended.
      others.catch(() => undefined);
      const ending = timed(() => endAll(own, verb, ids)).finally(() => (isOver = true));
      samples[verb].push((await ending) / ids.length);
      await others;
    }
  }
  const single = durations("  a call for each of them", samples.single);
  const quiet = durations("  while nothing is ended", calls.quiet);
  const figures = [
    comparedWith(durations("kill_batch, for each run", samples.kill), single, "single"),
    comparedWith(durations("stop_batch, for each run", samples.stop), single, "single"),
    single,
    comparedWith(durations("another call meanwhile", calls.meanwhile), quiet, "quiet"),
    quiet,
  ];
  const title = `${bench.samples(RUNS).toLocaleString("en-US")} waiting runs ended`;
  return [{ title, lines: figureTable(figures), figures }];
}

async function makeWaiting({ farm, signal }: Bench, count: number): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const create = () => farm.client.runs.create({ command: "true", machineType: MACHINE_TYPE }, { signal });
    const runs = await Promise.all(Array.from({ length: Math.min(CREATED_AT_ONCE, count - ids.length) }, create));
    ids.push(...runs.map(({ id }) => id));
  }
  return ids;
}

async function endAll(bench: Bench, verb: "kill" | "stop", ids: readonly number[]): Promise<void> {
  const answer = answerSchema.parse(await post(bench, `${verb}_batch`, { run_ids: ids }));
  const ended = answer.successful_run_ids.length;
  if (ended !== ids.length) throw new Error(`${ended} of ${ids.length} runs were ended`);
}

async function post({ farm, signal }: Bench, path: string, body: object = {}): Promise<unknown> {
  const { runs, headers } = apiOf(farm);
  const response = await fetch(`${runs}/${path}`, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}

async function get({ farm, signal }: Bench, id: number | undefined): Promise<void> {
  const { runs, headers } = apiOf(farm);
  const response = await fetch(`${runs}/${id}`, { headers, signal });
  if (!response.ok) throw new Error(`run ${id} was answered with ${response.status}`);
  await response.text();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
