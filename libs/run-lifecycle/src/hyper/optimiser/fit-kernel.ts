/**
 * Finds the kernel under which what was seen is most likely: the logarithm of the marginal likelihood and of weak priors,
 * climbed along its gradient from several starts. Pure; it pauses between steps, so that its caller's process stays awake.
 */
import { Matrix } from "ml-matrix";
import type { Kernel, Point } from "./gaussian-process.ts";
import { covariance, matern52, scaledDistance } from "./gaussian-process.ts";

/** What was seen: points and the values there, of mean 0 and variance 1. */
export interface Observations {
  points: readonly Point[];
  values: readonly number[];
}

/** Lets others work between two steps. */
export type Pause = () => Promise<void>;

/** The logarithms that are climbed: of each length, of the signal's and of the noise's variance. */
type Logs = readonly number[];

interface Prior {
  mean: number;
  deviation: number;
  min: number;
  max: number;
}

const STEPS = 40;
const START_LENGTHS = [0.2, 0.6];

/** Lengths grow with the dimensions, as distances in a cube do; what the data says outweighs it soon. */
function priors(dimensions: number): Prior[] {
  const length = { mean: Math.log(0.5) + 0.5 * Math.log(Math.sqrt(dimensions)), deviation: 1, min: -4.6, max: 3 };
  const signal = { mean: 0, deviation: 1, min: -3, max: 4.6 };
  const noise = { mean: Math.log(1e-4), deviation: 2, min: Math.log(1e-6), max: Math.log(0.5) };
  return [...Array.from({ length: dimensions }, () => length), signal, noise];
}

export async function fitKernel(seen: Observations, pause: Pause): Promise<Kernel> {
  const dimensions = seen.points[0]?.length ?? 0;
  const prior = priors(dimensions);
  let best: { logs: Logs; height: number } | undefined;
  for (const start of START_LENGTHS) {
    const logs = [...Array.from({ length: dimensions }, () => Math.log(start)), 0, Math.log(1e-3)];
    const climbed = await climb(logs, seen, { prior, pause });
    if (best === undefined || climbed.height > best.height) best = climbed;
  }
  return toKernel(best?.logs ?? prior.map(({ mean }) => mean));
}

/** Resilient steps (iRprop−): only the sign of the gradient is trusted, each dimension finds its own step. */
async function climb(
  from: Logs,
  seen: Observations,
  { prior, pause }: { prior: readonly Prior[]; pause: Pause },
): Promise<{ logs: Logs; height: number }> {
  let logs = from;
  let best = { logs, height: -Infinity };
  let steps = logs.map(() => 0.2);
  let before = logs.map(() => 0);
  for (let step = 0; step < STEPS; step += 1) {
    await pause();
    const here = logPosterior(logs, seen, prior);
    if (here === undefined) break;
    if (here.height > best.height) best = { logs, height: here.height };
    const agrees = here.gradient.map((slope, place) => Math.sign(slope * (before[place] ?? 0)));
    steps = steps.map((size, place) => Math.min(1, Math.max(1e-3, size * stepChange(agrees[place] ?? 0))));
    before = here.gradient.map((slope, place) => ((agrees[place] ?? 0) < 0 ? 0 : slope));
    logs = logs.map((log, place) => {
      const { min, max } = prior[place] ?? { min: -Infinity, max: Infinity };
      return Math.min(max, Math.max(min, log + Math.sign(before[place] ?? 0) * (steps[place] ?? 0)));
    });
    if (steps.every((size) => size <= 1e-3)) break;
  }
  return best;
}

/** Longer steps while the way up stays the same, half of them when it turned. */
function stepChange(agrees: number): number {
  if (agrees === 0) return 1;
  return agrees > 0 ? 1.2 : 0.5;
}

/** How likely the values are under the kernel, and which way is up. Undefined where rounding leaves no answer. */
export function logPosterior(
  logs: Logs,
  { points, values }: Observations,
  prior: readonly Prior[],
): { height: number; gradient: number[] } | undefined {
  const kernel = toKernel(logs);
  const known = covariance(points, kernel);
  if (known === undefined) return undefined;
  const weights = known.inverse.mmul(Matrix.columnVector([...values])).to1DArray();
  const fit = weights.reduce((sum, weight, place) => sum + weight * (values[place] ?? 0), 0);
  const gradient = logs.map(() => 0);
  const dimensions = kernel.lengths.length;
  // d(log likelihood) = 1/2 trace((w wᵀ − K⁻¹) dK): the sum over all pairs, the two halves of the matrix being alike.
  for (const [row, left] of points.entries()) {
    for (let column = 0; column <= row; column += 1) {
      const right = points[column] ?? left;
      const lever = (weights[row] ?? 0) * (weights[column] ?? 0) - known.inverse.get(row, column);
      if (row === column) {
        gradient[dimensions] = (gradient[dimensions] ?? 0) + 0.5 * lever * kernel.signal;
        gradient[dimensions + 1] = (gradient[dimensions + 1] ?? 0) + 0.5 * lever * kernel.noise;
        continue;
      }
      const distance = scaledDistance(left, right, kernel.lengths);
      gradient[dimensions] = (gradient[dimensions] ?? 0) + lever * kernel.signal * matern52(distance);
      const r = Math.sqrt(5) * distance;
      const slope = lever * kernel.signal * (5 / 3) * (1 + r) * Math.exp(-r);
      for (let dimension = 0; dimension < dimensions; dimension += 1) {
        const apart = ((left[dimension] ?? 0) - (right[dimension] ?? 0)) / (kernel.lengths[dimension] ?? 1);
        gradient[dimension] = (gradient[dimension] ?? 0) + slope * apart * apart;
      }
    }
  }
  let height = -0.5 * (fit + known.logDeterminant + values.length * Math.log(2 * Math.PI));
  for (const [place, { mean, deviation }] of prior.entries()) {
    const off = ((logs[place] ?? 0) - mean) / deviation;
    height -= 0.5 * off * off;
    gradient[place] = (gradient[place] ?? 0) - off / deviation;
  }
  return { height, gradient };
}

function toKernel(logs: Logs): Kernel {
  const variances = logs.map(Math.exp);
  return { lengths: variances.slice(0, -2), signal: variances.at(-2) ?? 1, noise: variances.at(-1) ?? 0 };
}
