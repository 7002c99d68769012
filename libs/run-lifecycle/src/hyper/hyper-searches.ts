/** The use cases of hyper-parameter searches. A search is its owner's; a run steers those of its own workflow only. */
import { SpellError, conflict, invalidInput, notFound } from "@spell/domain";
import type { HyperSearchRecord, MetricPoint, RunRecord, RunStore, SearchProgress, SearchSpec } from "@spell/run-store";
import type { CreateRuns, RunRequest } from "../create-runs.ts";
import type { Principal } from "../principal.ts";
import { requireOwner, visibleRun } from "../principal.ts";
import type { RunLifecycle } from "../run-lifecycle.ts";
import { checkSearch } from "./check-search.ts";
import type { Parameters } from "./draw.ts";
import { drawParameters, gridParameters } from "./draw.ts";
import { fillTemplate } from "./fill-template.ts";
import type { HyperDriver } from "./hyper-driver.ts";
import { firstParameters } from "./next-parameters.ts";
import { seededRandom } from "./random.ts";

export interface HyperSearchesDeps {
  store: RunStore;
  create: CreateRuns;
  lifecycle: RunLifecycle;
  driver: HyperDriver;
  now: () => number;
  /** A new one for each search: a whole number below 2^31. */
  seed: () => number;
}

/** Points of one part of a metric. */
const POINTS = 10_000;

export interface SearchInProgress {
  search: HyperSearchRecord;
  progress: SearchProgress;
}

/** A search with its runs, in the order they were made. */
export interface SearchWithRuns extends SearchInProgress {
  runs: RunRecord[];
}

/** What a search is doing, or how it ended. */
export function searchStatus({
  endedAtMs,
  requested,
}: HyperSearchRecord): "running" | "complete" | "stopped" | "killed" {
  if (endedAtMs === undefined) return "running";
  if (requested === undefined) return "complete";
  return requested === "stop" ? "stopped" : "killed";
}

export class HyperSearches {
  readonly #deps: HyperSearchesDeps;

  constructor(deps: HyperSearchesDeps) {
    this.#deps = deps;
  }

  /** Records the search and queues its first runs: all of them, or as many as may be under way of a bayesian one. */
  async create(
    principal: Principal,
    request: { spec: SearchSpec; run: RunRequest },
    clientKey: string,
  ): Promise<SearchWithRuns> {
    const { store, create, now } = this.#deps;
    const { spec, run } = request;
    const owner = requireOwner(principal).userName;
    const earlier = await store.hyper.findByClientKey(owner, clientKey);
    if (earlier !== undefined) return this.get(principal, earlier.id);
    checkSearch(spec);
    checkParameters(spec, run);
    if (run.autoResume) throw notResumed();
    const template = await create.prepare(principal, run);
    const seed = this.#deps.seed();
    const createdAtMs = now();
    const first = firstRuns(spec, seed).map((parameters) => fillTemplate(template, parameters, createdAtMs));
    const made = await store.hyper.create({ owner, spec, template, seed, createdAtMs }, first, clientKey);
    if (!made.existed) for (const queued of made.runs) this.#deps.lifecycle.created(queued);
    return this.#visible(principal, made.search, made.runs);
  }

  /** Throws not-found also for somebody else's search. */
  async get(principal: Principal, id: number): Promise<SearchWithRuns> {
    const search = await this.#find(principal, id);
    return this.#visible(principal, search, await this.#deps.store.hyper.listRuns(id));
  }

  /** Newest first, without archived ones. */
  async list(principal: Principal): Promise<SearchInProgress[]> {
    const { hyper } = this.#deps.store;
    const searches = await hyper.list(requireOwner(principal).userName);
    return Promise.all(searches.map(async (search) => ({ search, progress: await hyper.progress(search.id) })));
  }

  /** Stops or kills its runs; it makes no more. Throws conflict when it has ended. */
  async request(principal: Principal, id: number, verb: "stop" | "kill"): Promise<void> {
    const { store, driver } = this.#deps;
    await this.#findToSteer(principal, id);
    const search = await store.hyper.request(id, verb, requireOwner(principal).userName);
    if (search?.endedAtMs !== undefined)
      throw conflict(`Hyper-parameter search ${id} has already ended.`, "search-ended");
    await driver.settle(id);
  }

  /**
   * Hides a search that has ended, or was stopped or killed, from lists; its runs stay. Throws conflict when it is under way or archived
   * already.
   */
  async archive(principal: Principal, id: number): Promise<void> {
    const { store, now } = this.#deps;
    const search = await this.#findToSteer(principal, id);
    if (await store.hyper.archive(id, now())) return;
    if (search.archivedAtMs !== undefined) {
      throw conflict(`Hyper-parameter search ${id} is archived already.`, "already-archived");
    }
    throw conflict(`Hyper-parameter search ${id} has not ended: stop or kill it first.`, "search-active");
  }

  /** Every metric that one of its runs has sent, in order of the alphabet. */
  async metricNames(principal: Principal, id: number): Promise<string[]> {
    const { runs } = await this.get(principal, id);
    const names = await Promise.all(runs.map((run) => this.#deps.store.metrics.names(run.id)));
    return [...new Set(names.flat())].sort();
  }

  /** The points of a metric, run by run, of each in order and in parts that fit into memory. */
  async *metric(
    principal: Principal,
    id: number,
    name: string,
  ): AsyncGenerator<{ runId: number; points: MetricPoint[] }> {
    const { runs } = await this.get(principal, id);
    for (const { id: runId } of runs) {
      let afterMs: number | undefined;
      for (;;) {
        const points = await this.#deps.store.metrics.listPoints(runId, name, { afterMs, limit: POINTS });
        if (points.length > 0) yield { runId, points };
        if (points.length < POINTS) break;
        afterMs = points.at(-1)?.atMs;
      }
    }
  }

  async #find(principal: Principal, id: number): Promise<HyperSearchRecord> {
    const owner = requireOwner(principal);
    const search = await this.#deps.store.hyper.find(id);
    if (search?.owner !== owner.userName) throw notFound(`There is no hyper-parameter search ${id}.`, "no-such-search");
    return search;
  }

  async #findToSteer(principal: Principal, id: number): Promise<HyperSearchRecord> {
    const search = await this.#find(principal, id);
    const { workflowId } = search.template;
    if (principal.kind === "run" && (workflowId === undefined || workflowId !== principal.workflowId)) {
      const message = `A run may change searches of its own workflow only, and search ${id} is not of it.`;
      throw new SpellError("forbidden", message);
    }
    return search;
  }

  async #visible(principal: Principal, search: HyperSearchRecord, runs: readonly RunRecord[]): Promise<SearchWithRuns> {
    const progress = await this.#deps.store.hyper.progress(search.id);
    return { search, progress, runs: runs.map((run) => visibleRun(principal, run)) };
  }
}

function firstRuns(spec: SearchSpec, seed: number): Parameters[] {
  switch (spec.kind) {
    case "grid":
      return gridParameters(spec.parameters);
    case "random": {
      const random = seededRandom(seed);
      return Array.from({ length: spec.numRuns }, () => drawParameters(spec.parameters, random));
    }
    case "bayesian": {
      const count = Math.min(spec.numRuns, spec.parallelRuns);
      return Array.from({ length: count }, (_, number) => firstParameters(spec, seed, number));
    }
  }
}

function checkParameters(spec: SearchSpec, run: RunRequest): void {
  const twice = spec.parameters.find(({ name }) => Object.hasOwn(run.params, name));
  if (twice !== undefined) {
    throw invalidInput(`"${twice.name}" is both searched and a parameter of the run: give it once.`, "bad-search");
  }
  if (run.idempotent) {
    throw invalidInput("The runs of a search are always new ones (idempotent): leave it out.", "not-offered");
  }
}

function notResumed(): Error {
  return invalidInput(
    "The runs of a search are not resumed as other runs, which would be none of the search: give them retries instead.",
    "not-offered",
  );
}
