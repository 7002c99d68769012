/** Hyper-parameter searches as messages, and what messages ask for as the use cases take it. */
import { invalidInput } from "@spell/domain";
import type { HyperMetricPoint, HyperSearch, HyperSearchSpec, SearchedParameter } from "@spell/rpc";
import type { SearchInProgress } from "@spell/run-lifecycle";
import { searchStatus, toRange, wantedRuns } from "@spell/run-lifecycle";
import type { ListedParameter, MetricPoint, RangedParameter, SearchSpec } from "@spell/run-store";
import { toParameterValue } from "./convert.ts";

/** Throws invalid-input for what no search can be made of; what is asked for in it is checked by the use case. */
export function toSearchSpec(message: HyperSearchSpec | undefined): SearchSpec {
  if (message === undefined) throw invalidInput("The request has no search.", "no-search");
  const { kind, numRuns, parallelRuns, metric } = message;
  const parameters = message.parameters.map(toParameter);
  if (kind === "grid") return { kind, parameters: parameters.map(listed) };
  if (kind === "random") return { kind, parameters, numRuns };
  if (kind !== "bayesian") {
    throw invalidInput(`"${kind}" is no kind of search: choose grid, random or bayesian.`, "bad-search");
  }
  const aggregation = toAggregation(message.metricAggregation);
  return { kind, parameters: parameters.map(ranged), numRuns, parallelRuns, metric, aggregation };
}

/** Throws invalid-input for any other word. */
export function toAggregation(word: string): "avg" | "min" | "max" | "last" {
  if (word === "avg" || word === "min" || word === "max" || word === "last") return word;
  throw invalidInput(`"${word}" is no aggregation of a metric: choose avg, min, max or last.`, "bad-search");
}

/** Throws invalid-input for a range: a grid has values. */
export function listed(parameter: ListedParameter | RangedParameter): ListedParameter {
  if ("values" in parameter) return parameter;
  throw invalidInput(`A grid search needs values for "${parameter.name}", not a range.`, "bad-search");
}

/** Throws invalid-input for values: what a bayesian search learns of some says nothing of others. */
export function ranged(parameter: ListedParameter | RangedParameter): RangedParameter {
  if ("range" in parameter) return parameter;
  throw invalidInput(`A bayesian search needs a range for "${parameter.name}", not values.`, "bad-search");
}

function toParameter({ name, from }: SearchedParameter): ListedParameter | RangedParameter {
  if (from === undefined) throw invalidInput(`The parameter "${name}" has neither values nor a range.`, "bad-search");
  if (from.$case === "range") return { name, range: toRange(from.value) };
  const values = from.value.values.map(({ value }) => {
    if (value === undefined) throw invalidInput(`The parameter "${name}" has an empty value.`, "bad-search");
    return value.value;
  });
  return { name, values };
}

/** Without its runs. */
export function toSearchMessage({ search, progress }: SearchInProgress): HyperSearch {
  const { template } = search;
  return {
    id: search.id,
    spec: toSpecMessage(search.spec),
    command: template.spec.command,
    machineType: template.spec.machineType,
    description: template.spec.description,
    owner: search.owner,
    status: searchStatus(search),
    createdAtMs: search.createdAtMs,
    startedAtMs: progress.startedAtMs ?? 0,
    endedAtMs: search.endedAtMs ?? 0,
    numRuns: wantedRuns(search.spec),
    runs: [],
    archivedAtMs: search.archivedAtMs ?? 0,
  };
}

function toSpecMessage(spec: SearchSpec): HyperSearchSpec {
  const bayesian = spec.kind === "bayesian" ? spec : undefined;
  return {
    kind: spec.kind,
    parameters: spec.parameters.map(toParameterMessage),
    numRuns: wantedRuns(spec),
    parallelRuns: bayesian?.parallelRuns ?? 0,
    metric: bayesian?.metric ?? "",
    metricAggregation: bayesian?.aggregation ?? "",
  };
}

function toParameterMessage(parameter: ListedParameter | RangedParameter): SearchedParameter {
  const { name } = parameter;
  if ("range" in parameter) return { name, from: { $case: "range", value: parameter.range } };
  return { name, from: { $case: "values", value: { values: parameter.values.map(toParameterValue) } } };
}

export function toPointMessage({ atMs, index, value }: MetricPoint): HyperMetricPoint {
  return { atUs: Math.round(atMs * 1_000), index, value: toParameterValue(value) };
}
