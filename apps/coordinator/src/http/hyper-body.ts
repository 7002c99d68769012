/** The body of POST runs/{owner}/hyper_search: its schema, and what it asks for. */
import type { Static } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { invalidInput } from "@spell/domain";
import { toRange } from "@spell/run-lifecycle";
import type { ListedParameter, RangedParameter, SearchSpec } from "@spell/run-store";
import { toAggregation } from "../rpc/hyper-messages.ts";
import { mapOf, optional } from "./body-types.ts";
import { RunBody, TextOrNumber } from "./run-body.ts";

const Values = Type.Object({ values: Type.Array(TextOrNumber) });
const Range = Type.Object({
  min: Type.Number(),
  max: Type.Number(),
  scaling: optional(Type.String()),
  type: optional(Type.String()),
});

/** One of the three kinds of parameters says what kind of search it is. */
export const HyperBody = Type.Object({
  grid_params: optional(mapOf(Values)),
  random_params: optional(mapOf(Type.Object({ value_spec: optional(Values), range_spec: optional(Range) }))),
  bayesian_params: optional(mapOf(Range)),
  num_runs: optional(Type.Integer()),
  parallel_runs: optional(Type.Integer()),
  metric: optional(Type.String()),
  metric_aggregation: optional(Type.String()),
  run: RunBody,
});

/** Throws invalid-input for what no search can be made of; what is asked for in it is checked by the use case. */
export function toSearchSpec(body: Static<typeof HyperBody>): SearchSpec {
  const { grid_params: grid, random_params: random, bayesian_params: bayesian } = body;
  if ([grid, random, bayesian].filter((params) => params !== undefined && params !== null).length !== 1) {
    throw invalidInput("Give exactly one of grid_params, random_params and bayesian_params.", "bad-search");
  }
  if (grid) {
    const parameters = Object.entries(grid).map(([name, { values }]) => ({ name, values }));
    return { kind: "grid", parameters };
  }
  const numRuns = body.num_runs ?? 0;
  if (random) return { kind: "random", parameters: Object.entries(random).map(toDrawn), numRuns };
  const parameters = Object.entries(bayesian ?? {}).map(([name, range]) => toRanged(name, range));
  const { parallel_runs: parallelRuns, metric, metric_aggregation: aggregation } = body;
  return {
    kind: "bayesian",
    ...{ parameters, numRuns, parallelRuns: parallelRuns ?? 0, metric: metric ?? "" },
    aggregation: toAggregation(aggregation ?? ""),
  };
}

type Drawn = NonNullable<Static<typeof HyperBody>["random_params"]>[string];

function toDrawn([name, { value_spec: values, range_spec: range }]: [string, Drawn]):
  ListedParameter | RangedParameter {
  if (values && !range) return { name, values: values.values };
  if (range && !values) return toRanged(name, range);
  throw invalidInput(`Give the parameter "${name}" either a value_spec or a range_spec.`, "bad-search");
}

function toRanged(name: string, { min, max, scaling, type }: Static<typeof Range>): RangedParameter {
  return { name, range: toRange({ min, max, scaling: scaling ?? "", type: type ?? "" }) };
}
