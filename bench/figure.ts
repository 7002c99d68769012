/** One measured figure: its spread, the bars it is held against, and the reference measured beside it. Pure. */
import { median, percentile } from "./statistics.ts";
import { formatNumber, formatTable } from "./table.ts";

/** A bar and whether the figure reaches it. */
export interface Judgement {
  text: string;
  reached: boolean;
}

export interface Figure {
  name: string;
  unit: "ms" | "s" | "/s" | "MiB" | "KiB" | "MiB/s";
  p50: number;
  p99?: number;
  samples: number;
  /** Not to be fallen behind. */
  bar?: Judgement;
  /** To be reached in the end. */
  goal?: Judgement;
  /** What stands for the machine's own limit: how many times its p50 this figure's p50 is. */
  ratio?: { to: string; value: number };
}

/** The figure of these durations in milliseconds. */
export function durations(name: string, values: readonly number[]): Figure {
  return { name, unit: "ms", p50: median(values), p99: percentile(values, 99), samples: values.length };
}

/** The figure held against another of the same run. */
export function comparedWith(figure: Figure, reference: Figure, to: string): Figure {
  return { ...figure, ratio: { to, value: figure.p50 / reference.p50 } };
}

/** Judges durations, or whatever is better the smaller it is. */
export function atMost(figure: Figure, limits: { p50: number; p99?: number }): Judgement {
  const { p50, p99 } = limits;
  const unit = figure.unit;
  const text = [`p50 ≤ ${p50} ${unit}`, ...(p99 === undefined ? [] : [`p99 ≤ ${p99} ${unit}`])].join(", ");
  const reached = figure.p50 <= p50 && (p99 === undefined || (figure.p99 ?? Number.POSITIVE_INFINITY) <= p99);
  return { text, reached };
}

/** Judges rates. */
export function atLeast(figure: Figure, limit: number): Judgement {
  return { text: `≥ ${limit.toLocaleString("en-US")} ${figure.unit}`, reached: figure.p50 >= limit };
}

/** Judges rates by the reference measured beside them. */
export function shareOf(figure: Figure, reference: Figure, percent: number): Judgement {
  return { text: `≥ ${percent} % of it`, reached: figure.p50 >= (reference.p50 * percent) / 100 };
}

/** The figures as lines of one table. */
export function figureTable(figures: readonly Figure[]): string[] {
  const header = ["", "p50", "p99", "unit", "samples", "bar", "goal", "ratio"];
  return formatTable([header, ...figures.map(cells)], new Set([1, 2, 4]));
}

function cells({ name, unit, p50, p99, samples, bar, goal, ratio }: Figure): string[] {
  return [
    name,
    formatNumber(p50),
    p99 === undefined ? "" : formatNumber(p99),
    unit,
    samples.toLocaleString("en-US"),
    verdict(bar),
    verdict(goal),
    ratio === undefined ? "" : `${formatNumber(ratio.value)} × ${ratio.to}`,
  ];
}

function verdict(judgement: Judgement | undefined): string {
  return judgement === undefined ? "" : `${judgement.text}: ${judgement.reached ? "reached" : "MISSED"}`;
}
