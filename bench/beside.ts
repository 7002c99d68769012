/** Two sides measured in turn, so that a slow moment of the machine hits both, and our figure held against the other. */
import type { Figure } from "./figure.ts";
import { comparedWith, durations } from "./figure.ts";
import type { Bench } from "./measurement.ts";

interface Sides<T> {
  ours: T;
  /** Undefined where the historical client is not set up. */
  historical?: T;
}

/** One of ours, one of the other, and so on. The first of each fills caches and does not count. */
export async function inTurn<Name extends string>(
  bench: Bench,
  full: number,
  sample: Sides<() => Promise<Record<Name, number>>>,
): Promise<Sides<Record<Name, number>[]>> {
  const ours: Record<Name, number>[] = [];
  const historical: Record<Name, number>[] = [];
  for (let count = bench.samples(full) + 1; count > 0; count -= 1) {
    bench.signal.throwIfAborted();
    ours.push(await sample.ours());
    if (sample.historical !== undefined) historical.push(await sample.historical());
  }
  return { ours: ours.slice(1), ...(sample.historical === undefined ? {} : { historical: historical.slice(1) }) };
}

/** Our figure, held against the other's below it. */
export function beside<Name extends string>(
  title: string,
  samples: Sides<Record<Name, number>[]>,
  name: Name,
): Figure[] {
  const figureOf = (called: string, side: readonly Record<Name, number>[]): Figure =>
    durations(
      called,
      side.map((each) => each[name]),
    );
  const ours = figureOf(title, samples.ours);
  if (samples.historical === undefined) return [ours];
  const historical = figureOf("  the historical client", samples.historical);
  return [comparedWith(ours, historical, "historical"), historical];
}
