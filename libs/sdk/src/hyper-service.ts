/** `client.hyper`: many runs of one command, each with other values in the places that it names `:NAME:`. */
import { randomUUID } from "node:crypto";
import type { HyperSearch as HyperSearchRecord, HyperSearchSpec, SearchedParameter } from "@spell/rpc";
import type { CallOptions, Connection } from "./connection.ts";
import { HyperSearch, presentSearch } from "./hyper-search.ts";
import type { RunRequest } from "./run-request.ts";
import { FETCH_DEADLINE_MS, toRunSpec, toValue } from "./run-request.ts";

/** Both ends are included. */
export interface ParameterRange {
  min: number;
  max: number;
  /** Default linear. */
  scaling?: "linear" | "log" | "reverse_log";
  /** Default float. */
  type?: "float" | "int";
}

export type ParameterValues = readonly (string | number)[];

/** What all runs of a search have in common. The runs of a search are always new ones. */
export type SearchedRun = Omit<RunRequest, "idempotent">;

export interface BayesianOptions {
  numRuns: number;
  /** So many are under way at the same time, at most. */
  parallelRuns: number;
  /** The metric whose largest value is looked for: to minimise a loss, send its negative. */
  metric: string;
  /** Which of the values that a run sends counts. */
  metricAggregation: "avg" | "min" | "max" | "last";
}

export class HyperService {
  readonly #connection: Connection;
  readonly #workflowId: number | undefined;

  /** Made by SpellClient. */
  constructor(connection: Connection, workflowId: number | undefined) {
    this.#connection = connection;
    this.#workflowId = workflowId;
  }

  /** One run for each combination of the values. */
  newGridSearch(
    params: Readonly<Record<string, ParameterValues>>,
    run: SearchedRun,
    options: CallOptions = {},
  ): Promise<HyperSearch> {
    return this.#create({ ...emptySpec("grid"), parameters: toParameters(params) }, run, options);
  }

  /** So many runs, each with values of its own by chance. */
  newRandomSearch(
    params: Readonly<Record<string, ParameterValues | ParameterRange>>,
    { numRuns }: { numRuns: number },
    run: SearchedRun,
    options: CallOptions = {},
  ): Promise<HyperSearch> {
    return this.#create({ ...emptySpec("random"), parameters: toParameters(params), numRuns }, run, options);
  }

  /** Runs whose values follow from what those before them have reached. */
  newBayesianSearch(
    params: Readonly<Record<string, ParameterRange>>,
    search: BayesianOptions,
    run: SearchedRun,
    options: CallOptions = {},
  ): Promise<HyperSearch> {
    return this.#create({ kind: "bayesian", parameters: toParameters(params), ...search }, run, options);
  }

  /** Throws `not-found`. */
  async get(searchId: number, options: CallOptions = {}): Promise<HyperSearch> {
    const client = this.#connection.hyper;
    const { search } = await this.#connection.unary(client.getHyperSearch.bind(client), { searchId }, options);
    return new HyperSearch(this.#connection, presentSearch(search));
  }

  /** Newest first, without archived ones, and as records: without their runs. */
  async list(options: CallOptions = {}): Promise<HyperSearchRecord[]> {
    const client = this.#connection.hyper;
    return (await this.#connection.unary(client.listHyperSearches.bind(client), {}, options)).searches;
  }

  /** Hides an ended search from lists; its runs stay. Throws `conflict` while it has not ended. */
  async archive(searchId: number, options: CallOptions = {}): Promise<void> {
    const client = this.#connection.hyper;
    await this.#connection.unary(client.archiveHyperSearch.bind(client), { searchId }, options);
  }

  async #create(search: HyperSearchSpec, run: SearchedRun, options: CallOptions): Promise<HyperSearch> {
    const client = this.#connection.hyper;
    const spec = toRunSpec(run, this.#workflowId);
    const request = { search, run: spec, clientKey: run.clientKey ?? randomUUID() };
    const patience = spec.githubUrl === "" ? {} : { deadlineMs: FETCH_DEADLINE_MS };
    const method = client.createHyperSearch.bind(client);
    const made = await this.#connection.unary(method, request, { ...patience, ...options });
    return new HyperSearch(this.#connection, presentSearch(made.search));
  }
}

function emptySpec(kind: string): HyperSearchSpec {
  return { kind, parameters: [], numRuns: 0, parallelRuns: 0, metric: "", metricAggregation: "" };
}

function toParameters(params: Readonly<Record<string, ParameterValues | ParameterRange>>): SearchedParameter[] {
  return Object.entries(params).map(([name, from]) => {
    if (isRange(from)) {
      const { min, max, scaling = "", type = "" } = from;
      return { name, from: { $case: "range", value: { min, max, scaling, type } } };
    }
    return { name, from: { $case: "values", value: { values: from.map(toValue) } } };
  });
}

function isRange(from: ParameterValues | ParameterRange): from is ParameterRange {
  return !Array.isArray(from);
}
