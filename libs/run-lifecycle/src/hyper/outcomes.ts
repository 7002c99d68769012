/**
 * What the runs of a bayesian search say about their parameters. A run that ended complete (with exit code 0) or stopped counts
 * with its metric. One that failed, or never sent the metric, counts as the worst seen so far: its surroundings are
 * avoided. One that was killed, interrupted or never began says nothing. Pure.
 */
import { isFinal } from "@spell/domain";
import type { MetricSummary, RangedParameter, RunRecord, SearchSpec } from "@spell/run-store";
import type { Observations } from "./optimiser/fit-kernel.ts";
import type { Point } from "./optimiser/gaussian-process.ts";
import { toUnit } from "./scaling.ts";

/** A run, and its metric if it has sent it. */
export interface Trial {
  run: Pick<RunRecord, "status" | "userExitCode"> & { spec: Pick<RunRecord["spec"], "params"> };
  metric?: Pick<MetricSummary, "count" | "min" | "max" | "sum" | "last">;
}

type Bayesian = Extract<SearchSpec, { kind: "bayesian" }>;

export function outcomes(spec: Bayesian, trials: readonly Trial[]): { seen: Observations; pending: Point[] } {
  const pending: Point[] = [];
  const known: { point: Point; value: number | undefined }[] = [];
  for (const { run, metric } of trials) {
    const point = pointOf(spec.parameters, run.spec.params);
    if (!isFinal(run.status)) pending.push(point);
    else if (counts(run)) {
      const worth = run.status !== "failed" && (run.userExitCode ?? 0) === 0;
      known.push({ point, value: worth && metric !== undefined ? aggregate(metric, spec.aggregation) : undefined });
    }
  }
  const values = known.flatMap(({ value }) => (value === undefined ? [] : [value]));
  if (values.length === 0) return { seen: { points: [], values: [] }, pending };
  const worst = Math.min(...values);
  return {
    seen: { points: known.map(({ point }) => point), values: known.map(({ value }) => value ?? worst) },
    pending,
  };
}

/** Whether the end of a run says something about its parameters. */
function counts({ status }: Trial["run"]): boolean {
  return status === "complete" || status === "stopped" || status === "failed";
}

function aggregate(
  { count, min, max, sum, last }: NonNullable<Trial["metric"]>,
  aggregation: Bayesian["aggregation"],
): number {
  return { avg: sum / count, min, max, last }[aggregation];
}

/** Where in the unit cube the parameters of a run lie. */
function pointOf(parameters: readonly RangedParameter[], params: RunRecord["spec"]["params"]): Point {
  return parameters.map(({ name, range }) => toUnit(range, Number(params[name])));
}
