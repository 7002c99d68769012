/** Points of one metric as the text of a chunk, and back, and what they add to its summary. Pure. */
import type { MetricPoint, MetricSummary } from "../metrics.ts";

/** A point as a chunk holds it. */
export interface ChunkPoint {
  atUs: number;
  index: number;
  value: number | string;
}

export function toMicroseconds(atMs: number): number {
  return Math.round(atMs * 1_000);
}

export function encodePoints(points: readonly ChunkPoint[]): string {
  return points.map(({ atUs, index, value }) => `[${atUs},${index},${JSON.stringify(value)}]`).join(",");
}

export function decodePoints(text: string): MetricPoint[] {
  const rows = JSON.parse(`[${text}]`) as [number, number, number | string][];
  return rows.map(([atUs, index, value]) => ({ atMs: atUs / 1_000, index, value }));
}

/** The summary once these points have been added; undefined while there is no number. */
export function summarise(before: MetricSummary | undefined, points: readonly ChunkPoint[]): MetricSummary | undefined {
  let summary = before;
  for (const { index, value } of points) {
    if (typeof value !== "number") continue;
    summary = {
      count: (summary?.count ?? 0) + 1,
      min: Math.min(summary?.min ?? value, value),
      max: Math.max(summary?.max ?? value, value),
      sum: finite((summary?.sum ?? 0) + value),
      last: value,
      lastIndex: index,
    };
  }
  return summary;
}

/** The sum of very large numbers, within what can be written down. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}
