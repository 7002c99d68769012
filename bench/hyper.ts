/**
 * How much closer to the maximum bayesian search comes than random search with as many runs, on functions that optimisers are
 * commonly held against. Both have the same seeds; runs end in the order in which they were made, some always being open.
 */
import type { ParameterRange, SearchSpec } from "@spell/run-store";
import { drawParameters } from "../libs/run-lifecycle/src/hyper/draw.ts";
import type { Parameters } from "../libs/run-lifecycle/src/hyper/draw.ts";
import { nextParameters } from "../libs/run-lifecycle/src/hyper/next-parameters.ts";
import type { Trial } from "../libs/run-lifecycle/src/hyper/outcomes.ts";
import { seededRandom } from "../libs/run-lifecycle/src/hyper/random.ts";
import type { Bench, Section } from "./measurement.ts";
import { median } from "./statistics.ts";
import { formatNumber, formatTable } from "./table.ts";
import type { TestFunction } from "./test-functions.ts";
import { TEST_FUNCTIONS } from "./test-functions.ts";

const RUNS = 40;
const PARALLEL_RUNS = 4;
const SEEDS = 7;
const UNIT: ParameterRange = { min: 0, max: 1, scaling: "linear", type: "float" };

export async function measureHyper({ samples, signal }: Bench): Promise<Section[]> {
  const seeds = samples(SEEDS);
  const figures = [];
  for (const tested of TEST_FUNCTIONS) figures.push(await compare(tested, seeds, signal));
  const head = ["function, dimensions", "random", "bayesian", "ratio", "ahead", "ms per run"];
  const rows = figures.map((figure) => [
    figure.name,
    formatNumber(figure.random),
    figure.p50 < 0.01 ? figure.p50.toExponential(1) : formatNumber(figure.p50),
    formatNumber(figure.ratio),
    `${figure.ahead} of ${seeds}`,
    formatNumber(figure.msPerRun),
  ]);
  const title = `Hyper-parameter search: median distance to the maximum after ${RUNS} runs, ${PARALLEL_RUNS} in parallel`;
  return [{ title, lines: formatTable([head, ...rows], new Set([1, 2, 3, 4, 5])), figures }];
}

async function compare(tested: TestFunction, seeds: number, signal: AbortSignal) {
  const [random, bayesian]: [number[], number[]] = [[], []];
  let spentMs = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    random.push(tested.maximum - randomSearch(tested, seed));
    const start = performance.now();
    bayesian.push(tested.maximum - (await bayesianSearch(tested, seed, signal)));
    spentMs += performance.now() - start;
  }
  return {
    name: `${tested.name}, ${tested.dimensions}`,
    random: median(random),
    p50: median(bayesian),
    ratio: median(random) / median(bayesian),
    ahead: bayesian.filter((distance, place) => distance < (random[place] ?? 0)).length,
    msPerRun: spentMs / seeds / RUNS,
  };
}

function randomSearch(tested: TestFunction, seed: number): number {
  const random = seededRandom(seed);
  const parameters = specOf(tested).parameters;
  const values = Array.from({ length: RUNS }, () => valueAt(tested, drawParameters(parameters, random)));
  return Math.max(...values);
}

async function bayesianSearch(tested: TestFunction, seed: number, signal: AbortSignal): Promise<number> {
  const spec = specOf(tested);
  const ended: Trial[] = [];
  const open: Parameters[] = [];
  const endOne = (): void => {
    const params = open.shift();
    if (params === undefined) return;
    const value = valueAt(tested, params);
    const metric = { count: 1, min: value, max: value, sum: value, last: value };
    ended.push({ run: { status: "complete", userExitCode: 0, spec: { params } }, metric });
  };
  for (let number = 0; number < RUNS; number += 1) {
    signal.throwIfAborted();
    if (open.length === PARALLEL_RUNS) endOne();
    const running: Trial[] = open.map((params) => ({ run: { status: "running", spec: { params } } }));
    open.push(await nextParameters(spec, { seed, trials: [...ended, ...running], pause: async () => undefined }));
  }
  while (open.length > 0) endOne();
  return Math.max(...ended.map(({ metric }) => metric?.max ?? -Infinity));
}

function specOf({ dimensions }: TestFunction): Extract<SearchSpec, { kind: "bayesian" }> {
  const parameters = Array.from({ length: dimensions }, (_, place) => ({ name: `x${place}`, range: UNIT }));
  return { kind: "bayesian", parameters, numRuns: RUNS, parallelRuns: PARALLEL_RUNS, metric: "f", aggregation: "max" };
}

function valueAt(tested: TestFunction, parameters: Parameters): number {
  return tested.at(Object.values(parameters).map(Number));
}
