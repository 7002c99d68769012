/**
 * The rules by which a run stops itself: conditions on its metrics, and its timeout. A rule stops as a user's stop does: SIGTERM,
 * grace, outputs saved. Whatever is lost with this process is found again by the next sweep, from the record alone.
 */
import { hasCode } from "@spell/domain";
import type { StopReason } from "@spell/domain";
import type { NamedPoint, RunRecord, RunStore } from "@spell/run-store";
import type { RunLifecycle } from "./run-lifecycle.ts";
import type { LatestNumber } from "./stop-conditions.ts";
import { metStopCondition } from "./stop-conditions.ts";

const MINUTE_MS = 60_000;

export interface StopRulesDeps {
  store: RunStore;
  lifecycle: RunLifecycle;
  now(): number;
}

/** What is known of a run with stop conditions since this process looks at it. */
interface Watched {
  latest: Map<string, LatestNumber>;
  /** The conditions were met; the run is stopped as soon as it runs. */
  met?: string;
}

export class StopRules {
  readonly #deps: StopRulesDeps;
  readonly #watched = new Map<number, Watched>();

  constructor(deps: StopRulesDeps) {
    this.#deps = deps;
  }

  /** Points of a run were recorded: looks at each, so that a condition met between two looks counts. */
  async recorded(run: RunRecord, points: readonly NamedPoint[]): Promise<void> {
    if (run.spec.stopConditions.length === 0) return;
    const watched = await this.#watch(run);
    for (const { name, index, value } of points) {
      if (typeof value !== "number" || watched.met !== undefined) continue;
      watched.latest.set(name, { index, value });
      watched.met = metStopCondition(run.spec.stopConditions, watched.latest);
    }
    await this.#stopIfMet(run, watched);
  }

  /** Stops what has run too long, and what met a condition before it was known to run. */
  async sweep(): Promise<void> {
    const running = (await this.#deps.store.listHeld()).filter(({ status }) => status === "running");
    const ids = new Set(running.map(({ id }) => id));
    for (const run of running) {
      const { timeoutMinutes, stopConditions } = run.spec;
      if (timeoutMinutes !== undefined && this.#deps.now() >= (run.startedAtMs ?? 0) + timeoutMinutes * MINUTE_MS) {
        const sentence = `Stopped after its timeout of ${timeoutMinutes} ${timeoutMinutes === 1 ? "minute" : "minutes"}.`;
        await this.#stop(run.id, { code: "timed-out", sentence });
      } else if (stopConditions.length > 0) {
        await this.#stopIfMet(run, await this.#watch(run));
      }
    }
    // A run that is still being prepared keeps what was learnt of it.
    for (const [id, { met }] of this.#watched) if (met === undefined && !ids.has(id)) this.#watched.delete(id);
  }

  /** From the record the first time: another process may have seen the points before. */
  async #watch(run: RunRecord): Promise<Watched> {
    const known = this.#watched.get(run.id);
    if (known !== undefined) return known;
    const watched: Watched = { latest: new Map() };
    for (const metric of new Set(run.spec.stopConditions.flat().map((condition) => condition.metric))) {
      const summary = await this.#deps.store.metrics.summary(run.id, metric);
      if (summary !== undefined) watched.latest.set(metric, { index: summary.lastIndex, value: summary.last });
    }
    watched.met = metStopCondition(run.spec.stopConditions, watched.latest);
    this.#watched.set(run.id, watched);
    return watched;
  }

  async #stopIfMet(run: RunRecord, { met }: Watched): Promise<void> {
    if (met === undefined || run.status !== "running") return;
    await this.#stop(run.id, { code: "stop-condition", sentence: met });
    this.#watched.delete(run.id);
  }

  async #stop(runId: number, reason: StopReason): Promise<void> {
    await this.#deps.lifecycle.stopByRule(runId, reason).catch((error: unknown) => {
      // It ended by itself meanwhile.
      if (!hasCode(error, "conflict")) throw error;
    });
  }
}
