/** Reads the points of a run's metric across lost connections: times grow from point to point, so it resumes after the last one. */
import type { Connection } from "./connection.ts";
import type { ResumingOptions } from "./resuming-stream.ts";
import { resumingStream } from "./resuming-stream.ts";

/** One value of a metric. */
export interface MetricPoint {
  /** When it was sent. */
  at: Date;
  /** The same to the microsecond: Unix milliseconds with a fraction. What `start` takes. */
  atMs: number;
  /** The run's own count, such as a step. */
  index: number;
  value: number | string;
}

export interface MetricOptions extends ResumingOptions {
  /** Only points after this moment, in Unix milliseconds: the `atMs` of the last point one has. Default: from the first. */
  start?: number;
}

/** The points in order. */
export async function* readMetric(
  connection: Connection,
  metric: { runId: number; name: string },
  options: MetricOptions = {},
): AsyncGenerator<MetricPoint, void, undefined> {
  const { runId, name } = metric;
  const { follow = false, signal, start = 0 } = options;
  let afterUs = Math.round(start * 1_000);
  const method = connection.metrics.streamMetrics.bind(connection.metrics);
  const open = () => connection.stream(method, { runId, metrics: [{ name, afterUs }], follow }, { signal });
  for await (const { points } of resumingStream(connection, open, options)) {
    afterUs = points.at(-1)?.atUs ?? afterUs;
    for (const { atUs, index, value } of points) {
      // A kind of value that a newer coordinator knows and this package does not.
      if (value === undefined) continue;
      const atMs = atUs / 1_000;
      yield { at: new Date(Math.floor(atMs)), atMs, index, value: value.value };
    }
  }
}
