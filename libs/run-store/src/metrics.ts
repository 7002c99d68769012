/** What the record holds of metrics: values that runs sent about themselves, point after point. */

/** One value of a metric. */
export interface MetricPoint {
  /** When it was sent: Unix time, milliseconds with microseconds behind the point. Grows from point to point of a metric. */
  atMs: number;
  /** The run's own count of it, such as a step; may repeat and may jump. */
  index: number;
  /** A finite number, or a text. */
  value: number | string;
}

/** A point and the metric it belongs to. */
export interface NamedPoint extends MetricPoint {
  name: string;
}

/** The numbers of one metric; texts are left out. */
export interface MetricSummary {
  count: number;
  min: number;
  max: number;
  sum: number;
  last: number;
  /** Index of the last number. */
  lastIndex: number;
}

export interface MetricStore {
  /**
   * Records the points of an attempt, in the order in which they were sent; the first of them is its number `firstNumber` from 0.
   * Those recorded already are passed over. Resolves with how many of the attempt are recorded now; is that less than `firstNumber`,
   * then points before these are missing and nothing was recorded. Of an attempt that has ended nothing more is recorded.
   */
  addBatch(runId: number, attempt: number, firstNumber: number, points: readonly NamedPoint[]): Promise<number>;
  /** How many points of the attempt are recorded. */
  countPoints(runId: number, attempt: number): Promise<number>;
  /** The points of a metric in order of time, those after `afterMs` (exclusive), at most `limit`: default all. */
  listPoints(runId: number, name: string, page?: { afterMs?: number; limit?: number }): Promise<MetricPoint[]>;
  /** The metrics that the run has sent, in order of their first point. */
  names(runId: number): Promise<string[]>;
  /** Undefined when the run has sent no number under this name. */
  summary(runId: number, name: string): Promise<MetricSummary | undefined>;
}
