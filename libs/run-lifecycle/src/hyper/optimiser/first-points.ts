/** Points to begin with: evenly spread over the unit cube, each known by its number alone. Pure. */
import type { Random } from "../random.ts";
import type { Point } from "./gaussian-process.ts";

/** The number-th point of a sequence whose every beginning fills the cube evenly (R sequence), moved by the random start. */
export function firstPoint(number: number, dimensions: number, random: Random): Point {
  const ratio = generalGoldenRatio(dimensions);
  return Array.from({ length: dimensions }, (_, dimension) => {
    const place = random() + (number + 1) * (1 / ratio) ** (dimension + 1);
    return place - Math.floor(place);
  });
}

/** How many points are looked at before anything is concluded from them. */
export function firstPointCount(dimensions: number, numRuns: number): number {
  return Math.min(Math.max(2 * dimensions, 4), Math.max(Math.ceil(numRuns / 2), 2));
}

/** The solution of x^(d+1) = x + 1; for one dimension the golden ratio. */
function generalGoldenRatio(dimensions: number): number {
  let ratio = 2;
  for (let step = 0; step < 40; step += 1) ratio = (1 + ratio) ** (1 / (dimensions + 1));
  return ratio;
}
