/**
 * Drives searches to their end: makes the next runs of bayesian ones, ends the runs of those that are to stop, and notes when a
 * search is over. Everything is decided from the record and written under its guard, so that it may be killed at any moment.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { hasCode, isFinal } from "@spell/domain";
import type { HyperSearchRecord, RunRecord, RunStore, SearchSpec } from "@spell/run-store";
import type { RunLifecycle } from "../run-lifecycle.ts";
import { gridSize } from "./draw.ts";
import { fillTemplate } from "./fill-template.ts";
import { nextParameters } from "./next-parameters.ts";
import type { Trial } from "./outcomes.ts";

/** How often every open search is looked at, for news that were lost, milliseconds. */
const LOOK_AGAIN_MS = 5_000;

export interface HyperDriverDeps {
  store: RunStore;
  lifecycle: RunLifecycle;
  now: () => number;
  /** Told of what goes wrong in the background; the search is looked at again. */
  onError(error: unknown): void;
}

export class HyperDriver {
  readonly #deps: HyperDriverDeps;
  /** Searches being driven, and whether something happened meanwhile. */
  readonly #driven = new Map<number, { again: boolean; done: Promise<void> }>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(deps: HyperDriverDeps) {
    this.#deps = deps;
    deps.lifecycle.whenEnded((run) => {
      if (run.hyperSearchId !== undefined) this.kick(run.hyperSearchId);
    });
  }

  /** Looks at all open searches, now and from time to time. */
  start(): void {
    this.#deps.store.hyper.listOpen().then(
      (ids) => ids.forEach((id) => this.kick(id)),
      (error: unknown) => this.#deps.onError(error),
    );
    if (!this.#stopped) this.#timer = setTimeout(() => this.start(), LOOK_AGAIN_MS);
  }

  /** Ends after the steps under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#driven.values()].map(({ done }) => done));
  }

  /** Something happened to this search. */
  kick(id: number): void {
    if (this.#stopped) return;
    const driven = this.#driven.get(id);
    if (driven !== undefined) {
      driven.again = true;
      return;
    }
    const state = { again: true, done: Promise.resolve() };
    this.#driven.set(id, state);
    state.done = this.#drive(id, state).finally(() => {
      this.#driven.delete(id);
      // A kick that came between the last look and here found it still driven.
      if (state.again) this.kick(id);
    });
  }

  /** The same, and waits until what follows from it is done. */
  async settle(id: number): Promise<void> {
    this.kick(id);
    while (this.#driven.has(id)) await this.#driven.get(id)?.done;
  }

  async #drive(id: number, state: { again: boolean }): Promise<void> {
    while (state.again && !this.#stopped) {
      state.again = false;
      try {
        const search = await this.#deps.store.hyper.find(id);
        if (search !== undefined && search.endedAtMs === undefined) await this.#step(search);
      } catch (error) {
        if (!(error instanceof Halted)) this.#deps.onError(error);
      }
    }
  }

  async #step(search: HyperSearchRecord): Promise<void> {
    const { hyper } = this.#deps.store;
    if (search.requested !== undefined) await this.#endRuns(search);
    else await this.#makeRuns(search);
    await hyper.end(search.id, wantedRuns(search.spec), this.#deps.now());
  }

  /** Passes the request on to the runs that have not heard of it. */
  async #endRuns({ id, owner, requested }: HyperSearchRecord): Promise<void> {
    const unaware = (run: RunRecord): boolean =>
      !isFinal(run.status) && run.requested !== requested && run.requested !== "kill";
    const runs = (await this.#deps.store.hyper.listRuns(id)).filter(unaware);
    const end = (run: RunRecord): Promise<unknown> =>
      this.#deps.lifecycle
        .request({ kind: "user", userName: owner }, run.id, requested ?? "stop")
        .catch((error: unknown) => {
          // One that ends by itself meanwhile is as good as stopped.
          if (!hasCode(error, "conflict")) throw error;
        });
    // Together: what is written at the same time shares one commit.
    await Promise.all(runs.map(end));
  }

  async #makeRuns({ id, spec, seed, template }: HyperSearchRecord): Promise<void> {
    const { store, lifecycle, now } = this.#deps;
    if (spec.kind !== "bayesian") return;
    for (;;) {
      const { made, open } = await store.hyper.progress(id);
      if (made >= spec.numRuns || open >= spec.parallelRuns) return;
      const trials = await this.#trials(id, spec.metric);
      const parameters = await nextParameters(spec, { seed, trials, pause: () => this.#pause() });
      const run = await store.hyper.addRun(id, trials.length, fillTemplate(template, parameters, now()));
      // Undefined: it was stopped meanwhile, or another made the run. Whoever changed it kicks.
      if (run === undefined) return;
      lifecycle.created(run);
    }
  }

  async #trials(id: number, metric: string): Promise<Trial[]> {
    const { hyper, metrics } = this.#deps.store;
    const runs = await hyper.listRuns(id);
    return Promise.all(
      runs.map(async (run) => ({
        run,
        metric: isFinal(run.status) ? await metrics.summary(run.id, metric) : undefined,
      })),
    );
  }

  /** Lets other work of this process go first. */
  async #pause(): Promise<void> {
    await nextTurn();
    if (this.#stopped) throw new Halted();
  }
}

/** The driver was stopped in the middle of a calculation. */
class Halted extends Error {}

/** How many runs a search makes unless it is stopped. */
export function wantedRuns(spec: SearchSpec): number {
  return spec.kind === "grid" ? gridSize(spec.parameters) : spec.numRuns;
}
