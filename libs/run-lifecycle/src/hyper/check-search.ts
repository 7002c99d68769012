/** What a search may look like, before anything is looked up. Pure; throws invalid-input. */
import { invalidInput } from "@spell/domain";
import type { ListedParameter, ParameterRange, RangedParameter, SearchSpec } from "@spell/run-store";
import { gridSize } from "./draw.ts";

/** All runs of a search are made in one transaction: so many take some tenths of a second. */
const MAX_RUNS = 1_000;
const MAX_PARAMETERS = 50;
const MAX_NAME = 100;
const MAX_VALUE = 10_000;

/**
 * Names that the historical clients take for lists of records wherever they stand in an answer: a parameter of such a name
 * would make the answer unreadable for them.
 */
const TAKEN_NAMES = new Set(
  `runs keys workspaces spell_projects models model_versions hyper_searches access_tokens memberships members gpu_stats ls
   org_buckets model_servers model_server_pods`.split(/\s+/),
);

/** Checks a search in itself; that the command has a place for each parameter is seen when it is filled in. */
export function checkSearch(spec: SearchSpec): void {
  checkNames(spec.parameters.map(({ name }) => name));
  for (const parameter of spec.parameters) {
    if ("range" in parameter) checkRange(parameter);
    else checkValues(parameter);
  }
  if (spec.kind === "grid") {
    const size = gridSize(spec.parameters);
    if (size > MAX_RUNS) {
      throw refused(`The values combine to ${size} runs; a search may have ${MAX_RUNS} at most: give fewer values.`);
    }
    return;
  }
  checkCount("num_runs", spec.numRuns);
  if (spec.kind === "random") return;
  checkCount("parallel_runs", spec.parallelRuns);
  if (spec.metric.trim() === "") throw refused("A bayesian search needs the name of the metric to maximise.");
  if (spec.metric.length > MAX_VALUE) throw refused(`The name of the metric is longer than ${MAX_VALUE} characters.`);
}

function checkNames(names: readonly string[]): void {
  if (names.length === 0) throw refused("A search needs at least one parameter.");
  if (names.length > MAX_PARAMETERS) {
    throw refused(`A search may have ${MAX_PARAMETERS} parameters at most, this one has ${names.length}.`);
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (!/^[\w.-]+$/.test(name) || name.length > MAX_NAME) {
      throw refused(
        `"${name.slice(0, MAX_NAME)}" cannot be the name of a parameter: use letters, digits, "_", "-" and ".".`,
      );
    }
    if (seen.has(name)) throw refused(`The parameter "${name}" is given twice.`);
    if (TAKEN_NAMES.has(name)) {
      throw refused(`A parameter cannot be called "${name}", which clients take for a list of theirs: rename it.`);
    }
    seen.add(name);
  }
}

function checkValues({ name, values }: ListedParameter): void {
  if (values.length === 0) throw refused(`The parameter "${name}" has no values.`);
  if (values.length > MAX_RUNS) throw refused(`The parameter "${name}" has more than ${MAX_RUNS} values.`);
  for (const value of values) {
    if (typeof value === "string" ? value.length > MAX_VALUE || value.includes("\0") : !Number.isFinite(value)) {
      throw refused(
        `The parameter "${name}" has a value that is neither a finite number nor a text of at most ${MAX_VALUE} characters.`,
      );
    }
  }
}

function checkRange({ name, range }: RangedParameter): void {
  const { min, max, scaling, type } = range;
  const said = `The parameter "${name}" ranges from ${min} to ${max}`;
  if (!Number.isFinite(min) || !Number.isFinite(max)) throw refused(`${said}: both must be finite numbers.`);
  if (min >= max) throw refused(`${said}: the first must be the smaller one.`);
  if (!Number.isFinite(max - min)) throw refused(`${said}, which is wider than numbers reach.`);
  if (type === "int" && !(Number.isSafeInteger(min) && Number.isSafeInteger(max))) {
    throw refused(`${said} as type int: both must be whole numbers.`);
  }
  if (scaling !== "linear" && min <= 0) {
    throw refused(`${said} with ${scaling} scaling, which needs numbers above 0: use linear scaling or another range.`);
  }
}

function checkCount(what: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_RUNS) {
    throw refused(`${what} is ${count}: it must be a whole number from 1 to ${MAX_RUNS}.`);
  }
}

function refused(message: string): ReturnType<typeof invalidInput> {
  return invalidInput(message, "bad-search");
}

/** Makes a range of what somebody wrote; what is left out is linear and float. */
export function toRange(written: { min: number; max: number; scaling?: string; type?: string }): ParameterRange {
  const scaling = written.scaling || "linear";
  const type = written.type || "float";
  if (scaling !== "linear" && scaling !== "log" && scaling !== "reverse_log") {
    throw refused(`"${scaling}" is no scaling: choose linear, log or reverse_log.`);
  }
  if (type !== "float" && type !== "int") throw refused(`"${type}" is no type of range: choose float or int.`);
  return { min: written.min, max: written.max, scaling, type };
}
