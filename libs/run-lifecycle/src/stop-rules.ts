/**
 * The rules by which a run stops itself: conditions on its metrics, and its timeout. A rule stops as a user's stop does: SIGTERM,
 * grace, outputs saved. Whatever is lost with this process is found again by the next sweep, from the record alone.
 */
import { hasCode } from "@spell/domain";
import type { StopReason } from "@spell/domain";
import type { NamedPoint, RunRecord, RunStore } from "@spell/run-store";
import pLimit from "p-limit";
import type { LimitFunction } from "p-limit";
import type { RunLifecycle } from "./run-lifecycle.ts";
import type { LatestNumber } from "./stop-conditions.ts";
import { metStopCondition } from "./stop-conditions.ts";

const MINUTE_MS = 60_000;

export interface StopRulesDeps {
  store: RunStore;
  lifecycle: RunLifecycle;
  now(): number;
}

/** Points of an attempt, of which the first has this number, from 0. */
export interface PointBatch {
  firstNumber: number;
  points: readonly NamedPoint[];
}

/** What is known of a run with stop conditions since this process looks at it. */
interface Watched {
  /** One batch is looked at and recorded at a time. */
  inTurn: LimitFunction;
  /** Undefined until it was read from the record. */
  latest?: ReadonlyMap<string, LatestNumber>;
  /** The conditions were met; the run is stopped as soon as it runs. */
  met?: string;
}

export class StopRules {
  readonly #deps: StopRulesDeps;
  readonly #watched = new Map<number, Watched>();

  constructor(deps: StopRulesDeps) {
    this.#deps = deps;
  }

  /**
   * Looks at each point that `record` will add, so that a condition met between two looks counts, and then calls it. The run is
   * stopped first: after a crash in between the points come again, and a condition that only the batch's middle met is met again.
   */
  async recording(run: RunRecord, batch: PointBatch, record: () => Promise<number>): Promise<number> {
    const { stopConditions } = run.spec;
    if (stopConditions.length === 0) return record();
    const watched = this.#watch(run.id);
    return watched.inTurn(async () => {
      const latest = new Map(await this.#read(run, watched));
      let { met } = watched;
      for (const { name, index, value } of await this.#fresh(run, batch)) {
        if (typeof value !== "number" || met !== undefined) continue;
        latest.set(name, { index, value });
        met = metStopCondition(stopConditions, latest);
      }
      await this.#stopIfMet(run, met);
      const recorded = await record();
      Object.assign(watched, { latest, met });
      return recorded;
    });
  }

  /** Stops what has run too long, and what met a condition before it was known to run. */
  async sweep(): Promise<void> {
    const held = await this.#deps.store.listHeld();
    for (const run of held.filter(({ status }) => status === "running")) {
      const { timeoutMinutes, stopConditions } = run.spec;
      if (timeoutMinutes !== undefined && this.#deps.now() >= (run.startedAtMs ?? 0) + timeoutMinutes * MINUTE_MS) {
        const sentence = `Stopped after its timeout of ${timeoutMinutes} ${timeoutMinutes === 1 ? "minute" : "minutes"}.`;
        await this.#stop(run.id, { code: "timed-out", sentence });
      } else if (stopConditions.length > 0) {
        const watched = this.#watch(run.id);
        await watched.inTurn(() => this.#read(run, watched));
        await this.#stopIfMet(run, watched.met);
      }
    }
    const ids = new Set(held.map(({ id }) => id));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
  }

  #watch(runId: number): Watched {
    const known = this.#watched.get(runId);
    if (known !== undefined) return known;
    const watched: Watched = { inTurn: pLimit(1) };
    this.#watched.set(runId, watched);
    return watched;
  }

  /** The latest numbers, from the record the first time: another process may have seen the points before. */
  async #read(run: RunRecord, watched: Watched): Promise<ReadonlyMap<string, LatestNumber>> {
    if (watched.latest !== undefined) return watched.latest;
    const latest = new Map<string, LatestNumber>();
    for (const metric of new Set(run.spec.stopConditions.flat().map((condition) => condition.metric))) {
      const summary = await this.#deps.store.metrics.summary(run.id, metric);
      if (summary !== undefined) latest.set(metric, { index: summary.lastIndex, value: summary.last });
    }
    watched.latest = latest;
    watched.met = metStopCondition(run.spec.stopConditions, latest);
    return latest;
  }

  /** The points of a batch that are not recorded yet, and will be. */
  async #fresh(run: RunRecord, { firstNumber, points }: PointBatch): Promise<readonly NamedPoint[]> {
    const recorded = await this.#deps.store.metrics.countPoints(run.id, run.attempt);
    return recorded < firstNumber ? [] : points.slice(recorded - firstNumber);
  }

  async #stopIfMet(run: RunRecord, met: string | undefined): Promise<void> {
    if (met === undefined || run.status !== "running") return;
    await this.#stop(run.id, { code: "stop-condition", sentence: met });
  }

  async #stop(runId: number, reason: StopReason): Promise<void> {
    await this.#deps.lifecycle.stopByRule(runId, reason).catch((error: unknown) => {
      // It ended by itself meanwhile.
      if (!hasCode(error, "conflict")) throw error;
    });
  }
}
