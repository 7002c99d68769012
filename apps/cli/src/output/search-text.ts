/** How a hyper-parameter search is shown. Pure. */
import type { HyperSearch, Run } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";
import { formatSpan } from "./format.ts";
import { statusName } from "./run-text.ts";

type SearchRecord = HyperSearch["record"];

/** Names of the parameters, in the order they were given. */
export function parameterNames(search: HyperSearch): string[] {
  return search.record.spec?.parameters.map(({ name }) => name) ?? [];
}

/** The values of a run by name. */
export function valuesOf(run: Run): Record<string, string | number> {
  const params = Object.entries(run.record.spec?.params ?? {});
  return Object.fromEntries(params.map(([name, value]) => [name, value.value?.value ?? ""]));
}

/** The values of a run for people: numbers with six digits. */
export function valueCells(run: Run, names: readonly string[]): string[] {
  const values = valuesOf(run);
  return names.map((name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? String(Number(value.toPrecision(6))) : oneLine(value);
  });
}

/** One row of the table of runs. */
export function runRow(run: Run, names: readonly string[], now: Date): string[] {
  const { startedAt, endedAt } = run;
  const duration = startedAt === undefined ? "-" : formatSpan((endedAt ?? now).getTime() - startedAt.getTime());
  return [String(run.id), statusName({ status: run.status }).toLowerCase(), duration, ...valueCells(run, names)];
}

/** What stands above that table. */
export function describeSearch(search: SearchRecord, now: Date): [string, string][] {
  const { spec, startedAtMs, endedAtMs } = search;
  const duration = startedAtMs === 0 ? "-" : formatSpan((endedAtMs || now.getTime()) - startedAtMs);
  const facts: [string, string][] = [
    ["ID", String(search.id)],
    ["Type", spec?.kind ?? ""],
    ["# Runs", String(search.numRuns)],
    ["Command", oneLine(search.command)],
    ["Machine Type", search.machineType],
    ["Status", statusWord(search)],
    ["Duration", duration],
    ["Description", oneLine(search.description) || "-"],
  ];
  if (spec?.kind === "bayesian") {
    facts.push(
      ["Metric", `${oneLine(spec.metric)} (${spec.metricAggregation})`],
      ["In Parallel", String(spec.parallelRuns)],
    );
  }
  return facts;
}

/** The words that people know: `finished` when all its runs have come to an end of their own. */
function statusWord({ status, startedAtMs }: SearchRecord): string {
  if (status === "complete") return "finished";
  return status === "running" && startedAtMs === 0 ? "queued" : status;
}

/** A search for programs: names as on the wire, times in ISO 8601. */
export function searchToJson(search: SearchRecord, runs?: readonly Run[]): Record<string, unknown> {
  const time = (atMs: number): string | null => (atMs === 0 ? null : new Date(atMs).toISOString());
  return {
    id: search.id,
    type: search.spec?.kind ?? "",
    status: search.status,
    num_runs: search.numRuns,
    command: search.command,
    machine_type: search.machineType,
    description: search.description,
    owner: search.owner,
    created_at: time(search.createdAtMs),
    started_at: time(search.startedAtMs),
    ended_at: time(search.endedAtMs),
    ...(runs && {
      runs: runs.map((run) => ({
        ...{ id: run.id, status: run.status, user_exit_code: run.userExitCode ?? null, hyper_params: valuesOf(run) },
      })),
    }),
  };
}
