/** The few statistics that the benchmarks report. Pure. */

/** The middle value; of an even number of values the mean of the two in the middle. Throws when there is none. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The arithmetic mean. Throws when there is no value. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no values to take the mean of");
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The value below which `percent` of the values lie, from 0 to 100, interpolated between the two nearest. With fewer than
 * a hundred values p99 is close to the largest one. Throws when there is none, or one that is not finite.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  if (!sorted.every(Number.isFinite)) throw new Error("a value to take the percentile of is not finite");
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new Error("no values to take the percentile of");
  return below + (above - below) * (place - Math.floor(place));
}
