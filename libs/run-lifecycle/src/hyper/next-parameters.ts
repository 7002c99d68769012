/**
 * The parameters of the next run of a bayesian search. They follow from the record alone (the seed, the number of the run,
 * what the runs so far have reached): whoever resumes a search goes on as if nothing had happened.
 */
import type { SearchSpec } from "@spell/run-store";
import type { Parameters } from "./draw.ts";
import { firstPoint, firstPointCount } from "./optimiser/first-points.ts";
import type { Pause } from "./optimiser/fit-kernel.ts";
import type { Point } from "./optimiser/gaussian-process.ts";
import { nextPoint } from "./optimiser/next-point.ts";
import type { Trial } from "./outcomes.ts";
import { outcomes } from "./outcomes.ts";
import { seededRandom } from "./random.ts";
import { fromUnit, toUnit } from "./scaling.ts";

type Bayesian = Extract<SearchSpec, { kind: "bayesian" }>;

/** Parameters of one of the runs that a search begins with, when nothing is known yet. */
export function firstParameters(spec: Bayesian, seed: number, number: number): Parameters {
  return toParameters(spec, firstPoint(number, spec.parameters.length, seededRandom(seed)));
}

/** Parameters of the run that comes after these. */
export async function nextParameters(
  spec: Bayesian,
  search: { seed: number; trials: readonly Trial[]; pause: Pause },
): Promise<Parameters> {
  const number = search.trials.length;
  const { seen, pending } = outcomes(spec, search.trials);
  if (number < firstPointCount(spec.parameters.length, spec.numRuns) || seen.points.length < 2) {
    return firstParameters(spec, search.seed, number);
  }
  const snap = (point: Point): Point =>
    spec.parameters.map(({ range }, place) => {
      const unit = point[place] ?? 0;
      return range.type === "int" ? toUnit(range, fromUnit(range, unit)) : unit;
    });
  const random = seededRandom(search.seed, number + 1);
  return toParameters(spec, await nextPoint({ seen, pending, snap, random, pause: search.pause }));
}

function toParameters(spec: Bayesian, point: Point): Parameters {
  return Object.fromEntries(
    spec.parameters.map(({ name, range }, place) => [name, fromUnit(range, point[place] ?? 0)]),
  );
}
