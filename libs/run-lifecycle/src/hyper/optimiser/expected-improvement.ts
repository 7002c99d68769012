/**
 * How much better than the best so far a point can be expected to be, as a logarithm: where nothing better is likely the
 * expectation itself is too small for a number, and could not be climbed. Pure.
 */

/** log E[max(X − best, 0)] for X normally distributed. */
export function logExpectedImprovement(expected: { mean: number; deviation: number }, best: number): number {
  const ahead = (expected.mean - best) / expected.deviation;
  return Math.log(expected.deviation) + logUnitImprovement(ahead);
}

/** log(φ(z) + z Φ(z)). Far below zero the two cancel: there by the series of Mills' ratio. */
function logUnitImprovement(z: number): number {
  const logDensity = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI);
  if (z > -5) return Math.log(Math.exp(logDensity) + z * normalProbability(z));
  const inverse = 1 / (z * z);
  return logDensity + Math.log(inverse * (1 - 3 * inverse * (1 - 5 * inverse)));
}

/** The probability of less than z (Zelen and Severo, off by 7.5e-8 at most). */
function normalProbability(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * series;
  return z > 0 ? 1 - tail : tail;
}
