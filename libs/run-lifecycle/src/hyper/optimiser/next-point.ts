/**
 * Where to look next for the largest value: a Gaussian process is fitted to what was seen, what is still under way is taken
 * to come out as expected (so that no two runs look at the same place), and the point with the largest expected improvement
 * is searched for, first everywhere and around the best points, then from the most promising ones in ever smaller steps.
 * Deterministic for a given stream of random numbers.
 */
import type { Random } from "../random.ts";
import { normal } from "../random.ts";
import { logExpectedImprovement } from "./expected-improvement.ts";
import type { Observations, Pause } from "./fit-kernel.ts";
import { fitKernel } from "./fit-kernel.ts";
import type { Point } from "./gaussian-process.ts";
import { GaussianProcess } from "./gaussian-process.ts";

export interface Search {
  /** At least two of them. Larger values are better. */
  seen: Observations;
  pending: readonly Point[];
  /** The nearest point that can be looked at: whole numbers are steps. */
  snap: (point: Point) => Point;
  random: Random;
  pause: Pause;
}

/** More would cost seconds for each run and change little: the best ones and the newest ones are kept. */
const MAX_SEEN = 100;
/** Points rated between two pauses. */
const BATCH = 40;
const EVERYWHERE = 1_000;
const AROUND_BEST = 200;
const CLIMBERS = 5;
const CLIMBS = 12;
const CLIMB_WIDTH = 20;

export async function nextPoint(search: Search): Promise<Point> {
  const { snap, random, pause } = search;
  const seen = standardised(kept(search.seen));
  const points = seen.points.map(snap);
  const kernel = await fitKernel({ points, values: seen.values }, pause);
  const alone = new GaussianProcess(points, seen.values, kernel);
  const pending = search.pending.map(snap);
  const believed = alone.predict(pending).map(({ mean }) => mean);
  const model = new GaussianProcess([...points, ...pending], [...seen.values, ...believed], kernel);
  const best = Math.max(...alone.predict(points).map(({ mean }) => mean));
  const taken = new Set([...points, ...pending].map((point) => point.join()));

  const rate = async (candidates: readonly Point[]): Promise<Rated[]> => {
    const rated: Rated[] = [];
    for (let start = 0; start < candidates.length; start += BATCH) {
      await pause();
      const batch = candidates.slice(start, start + BATCH);
      for (const [place, expected] of model.predict(batch).entries()) {
        rated.push({ point: batch[place] ?? [], height: logExpectedImprovement(expected, best) });
      }
    }
    return rated.sort(higher);
  };
  const better = points
    .map((point, place) => ({ point, height: seen.values[place] ?? 0 }))
    .sort((left, right) => right.height - left.height);
  const leaders = better.slice(0, 3).map(({ point }) => point);
  const dimensions = points[0]?.length ?? 0;
  const candidates = [
    ...Array.from({ length: EVERYWHERE }, () => Array.from({ length: dimensions }, random)),
    ...leaders.flatMap((point) => Array.from({ length: AROUND_BEST }, () => near(point, 0.05, random))),
  ].map(snap);
  const rated = await rate(candidates);
  const climbers: Rated[] = [];
  for (const start of rated.slice(0, CLIMBERS)) climbers.push(await climb(start, { snap, random, rate }));
  const ranked = [...climbers.sort(higher), ...rated].map(({ point }) => point);
  // A second look at the same whole numbers says little, unless all have been looked at.
  return ranked.find((point) => !taken.has(point.join())) ?? ranked[0] ?? leaders[0] ?? [];
}

interface Rated {
  point: Point;
  height: number;
}

function higher(left: Rated, right: Rated): number {
  return right.height - left.height;
}

async function climb(
  start: Rated,
  { snap, random, rate }: Pick<Search, "snap" | "random"> & { rate: (points: readonly Point[]) => Promise<Rated[]> },
): Promise<Rated> {
  let best = start;
  for (let round = 0, width = 0.1; round < CLIMBS; round += 1, width *= 0.6) {
    const around = Array.from({ length: CLIMB_WIDTH }, () => snap(near(best.point, width, random)));
    const [top] = await rate(around);
    if (top !== undefined && top.height > best.height) best = top;
  }
  return best;
}

/** A point nearby; often only some of its coordinates move. */
function near(point: Point, width: number, random: Random): Point {
  const share = random() < 0.5 ? 1 : 0.4;
  return point.map((value) => {
    const moved = random() < share ? value + width * normal(random) : value;
    return Math.min(1, Math.max(0, moved));
  });
}

function kept({ points, values }: Observations): Observations {
  if (points.length <= MAX_SEEN) return { points, values };
  const byValue = values.map((_, place) => place).sort((left, right) => (values[right] ?? 0) - (values[left] ?? 0));
  const places = new Set(byValue.slice(0, MAX_SEEN / 2));
  for (let place = points.length - 1; places.size < MAX_SEEN; place -= 1) places.add(place);
  const chosen = [...places].sort((left, right) => left - right);
  return { points: chosen.map((place) => points[place] ?? []), values: chosen.map((place) => values[place] ?? 0) };
}

/** Mean 0 and variance 1. Bad values far off are drawn in: how bad they were says nothing about where the good ones are. */
function standardised({ points, values }: Observations): Observations {
  const sorted = [...values].sort((left, right) => left - right);
  const quantile = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? 0;
  const floor = quantile(0.5) - 3 * Math.max(quantile(1) - quantile(0.5), 0);
  const drawnIn = values.map((value) => Math.max(value, floor));
  const mean = drawnIn.reduce((sum, value) => sum + value, 0) / drawnIn.length;
  const variance = drawnIn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawnIn.length;
  const deviation = Math.sqrt(variance);
  return { points, values: drawnIn.map((value) => (deviation > 0 ? (value - mean) / deviation : 0)) };
}
