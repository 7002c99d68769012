/** Hyper-parameter searches in the JSON that the historical clients parse. */
import type { SearchInProgress } from "@spell/run-lifecycle";
import { searchStatus, wantedRuns } from "@spell/run-lifecycle";
import type { MetricPoint, SearchSpec } from "@spell/run-store";
import { wireTime } from "./wire.ts";

/** What lists and single answers have in common. */
export function wireSearch({ search, progress }: SearchInProgress): Record<string, unknown> {
  const { spec } = search.template;
  const { startedAtMs } = progress;
  return {
    id: search.id,
    num_runs: wantedRuns(search.spec),
    parameter_spec: wireSpec(search.spec),
    command: spec.command,
    gpu: spec.machineType,
    description: spec.description,
    status: searchStatus(search),
    created_at: wireTime(search.createdAtMs),
    started_at: startedAtMs === undefined ? null : wireTime(startedAtMs),
    ended_at: search.endedAtMs === undefined ? null : wireTime(search.endedAtMs),
    archived_at: search.archivedAtMs === undefined ? null : wireTime(search.archivedAtMs),
    workflow_id: search.template.workflowId ?? null,
  };
}

/** Clients take the first key for the kind of the search. */
function wireSpec(spec: SearchSpec): Record<string, unknown> {
  const numRuns = wantedRuns(spec);
  switch (spec.kind) {
    case "grid":
      return { grid_params: byName(spec.parameters, ({ values }) => ({ values })), num_runs: numRuns };
    case "random": {
      const params = byName(spec.parameters, (parameter) =>
        "range" in parameter ? { range_spec: parameter.range } : { value_spec: { values: parameter.values } },
      );
      return { random_params: params, num_runs: numRuns };
    }
    case "bayesian":
      return {
        bayesian_params: byName(spec.parameters, ({ range }) => range),
        num_runs: numRuns,
        parallel_runs: spec.parallelRuns,
        metric: spec.metric,
        metric_aggregation: spec.aggregation,
      };
  }
}

function byName<T extends { name: string }>(parameters: readonly T[], wire: (parameter: T) => object): object {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, wire(parameter)]));
}

/** `{"metrics": {"<run id>": {"data": [[time, index, value], …]}, …}}`, piece by piece: it may be larger than memory. */
export async function* wireMetric(
  parts: AsyncIterable<{ runId: number; points: readonly MetricPoint[] }>,
): AsyncGenerator<string> {
  let current: number | undefined;
  yield '{"metrics":{';
  for await (const { runId, points } of parts) {
    const rows = points.map(({ atMs, index, value }) => JSON.stringify([wireTime(atMs), index, value])).join(",");
    if (runId === current) {
      yield `,${rows}`;
      continue;
    }
    yield `${current === undefined ? "" : "]},"}"${runId}":{"data":[${rows}`;
    current = runId;
  }
  yield current === undefined ? "}}" : "]}}}";
}
