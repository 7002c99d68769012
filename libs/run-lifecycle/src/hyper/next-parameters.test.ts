/** The optimiser through the door that the driver uses: deterministic, ahead of chance, at peace with whole numbers. */
import { describe, expect, it } from "vitest";
import type { RangedParameter, SearchSpec } from "@spell/run-store";
import { drawParameters } from "./draw.ts";
import type { Parameters } from "./draw.ts";
import { nextParameters } from "./next-parameters.ts";
import type { Trial } from "./outcomes.ts";
import { outcomes } from "./outcomes.ts";
import { seededRandom } from "./random.ts";

type Bayesian = Extract<SearchSpec, { kind: "bayesian" }>;
const pause = async (): Promise<void> => undefined;

function search(parameters: RangedParameter[], numRuns: number): Bayesian {
  return { kind: "bayesian", parameters, numRuns, parallelRuns: 1, metric: "acc", aggregation: "max" };
}

function trial(params: Parameters, value: number | undefined, over: Partial<Trial["run"]> = {}): Trial {
  const metric =
    value === undefined ? undefined : { count: 2, min: value - 1, max: value, sum: 2 * value - 1, last: value };
  return { run: { status: "complete", userExitCode: 0, spec: { params }, ...over }, metric };
}

/** Runs a whole search on a function, `parallel` at a time; the parameters in order. */
async function whole(
  spec: Bayesian,
  seed: number,
  value: (params: Parameters) => number,
  parallel = 1,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  while (trials.length < spec.numRuns) {
    // As if the last ones were still running.
    const open = Math.min(parallel - 1, trials.length);
    const asSeen = trials.map((each, place) =>
      place >= trials.length - open ? { run: { ...each.run, status: "running" as const } } : each,
    );
    const params = await nextParameters(spec, { seed, trials: asSeen, pause });
    trials.push(trial(params, value(params)));
  }
  return trials;
}

const branin = ({ x, y }: Parameters): number => {
  const [a, b] = [Number(x), Number(y)];
  const bowl = b - (5.1 / (4 * Math.PI ** 2)) * a * a + (5 / Math.PI) * a - 6;
  return -(bowl * bowl + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10);
};
const plane: RangedParameter[] = [
  { name: "x", range: { min: -5, max: 10, scaling: "linear", type: "float" } },
  { name: "y", range: { min: 0, max: 15, scaling: "linear", type: "float" } },
];
const best = (trials: readonly Trial[]): number => Math.max(...trials.map(({ metric }) => metric?.max ?? -Infinity));

describe("a bayesian search", () => {
  it("comes close to the maximum of the Branin function, closer than chance, with runs side by side", async () => {
    const found = best(await whole(search(plane, 20), 2, branin, 3));
    const random = seededRandom(2);
    const byChance = Math.max(...Array.from({ length: 20 }, () => branin(drawParameters(plane, random))));
    expect(found).toBeGreaterThan(-0.6);
    expect(found).toBeGreaterThan(byChance);
  });

  it("goes on from the record alone: the same runs, the same next one", async () => {
    const spec = search(plane, 12);
    const trials = await whole(spec, 7, branin);
    for (const number of [3, 8, 11]) {
      const again = await nextParameters(spec, { seed: 7, trials: trials.slice(0, number), pause });
      expect(again).toEqual(trials[number]?.run.spec.params);
    }
  });

  it("looks at each whole number once before it looks at any again", async () => {
    const units: RangedParameter = { name: "units", range: { min: 16, max: 23, scaling: "log", type: "int" } };
    const trials = await whole(search([units], 10), 4, ({ units: count }) => -Math.abs(Number(count) - 20));
    const seen = trials.map(({ run }) => run.spec.params["units"]);
    expect(seen.every((value) => Number.isInteger(value))).toBe(true);
    expect(new Set(seen.slice(4)).size).toBeGreaterThanOrEqual(4);
    expect(seen).toContain(20);
  });

  it("goes on when every run ends with the same value", async () => {
    const trials = await whole(search(plane, 8), 1, () => 1);
    expect(new Set(trials.map(({ run }) => JSON.stringify(run.spec.params))).size).toBe(8);
  });
});

describe("what runs say", () => {
  const spec = search(plane, 10);
  const at = (x: number): Parameters => ({ x, y: 0 });

  it("is their metric as it is aggregated", () => {
    const trials = [trial(at(-5), 4), trial(at(10), 6, { status: "stopped", userExitCode: undefined })];
    const values = (aggregation: Bayesian["aggregation"]) => outcomes({ ...spec, aggregation }, trials).seen.values;
    expect(values("max")).toEqual([4, 6]);
    expect(values("min")).toEqual([3, 5]);
    expect(values("avg")).toEqual([3.5, 5.5]);
    expect(values("last")).toEqual([4, 6]);
    expect(outcomes(spec, trials).seen.points).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it("is the worst so far when they failed or sent nothing, and nothing when they were killed or interrupted", () => {
    const trials = [
      trial(at(0), 4),
      trial(at(1), 9, { status: "failed", userExitCode: 1 }),
      trial(at(2), undefined),
      trial(at(3), 9, { status: "complete", userExitCode: 66 }),
      trial(at(4), 7),
      trial(at(5), 9, { status: "killed" }),
      trial(at(6), 9, { status: "interrupted" }),
      trial(at(7), 9, { status: "build_failed" }),
      trial(at(8), 9, { status: "running" }),
    ];
    const { seen, pending } = outcomes(spec, trials);
    expect(seen.values).toEqual([4, 4, 4, 4, 7]);
    expect(pending).toHaveLength(1);
    expect(outcomes(spec, trials.slice(1, 4)).seen.values).toEqual([]);
  });
});
