/** Metrics: what runs send is recorded under their lease, read from any point of time on, and waited for. */
import type { MetricCondition } from "@spell/domain";
import { METRIC_CONDITIONS, invalidInput, isFinal, meets, metricProblem } from "@spell/domain";
import type { MetricPoint, NamedPoint, RunRecord, RunStore } from "@spell/run-store";
import type { Principal } from "./principal.ts";
import type { RunChanges } from "./run-changes.ts";
import type { RunLifecycle } from "./run-lifecycle.ts";
import type { PointBatch, StopRules } from "./stop-rules.ts";
import { Waiters } from "./waiters.ts";

export interface MetricsDeps {
  store: RunStore;
  lifecycle: RunLifecycle;
  changes: RunChanges;
  rules: StopRules;
}

export interface MetricsRequest {
  principal: Principal;
  runId: number;
  /** Each from its time on (exclusive); undefined: from its first point. */
  metrics: readonly { name: string; afterMs?: number }[];
  /** Until the run has ended. */
  follow: boolean;
}

export interface MetricWait {
  principal: Principal;
  runId: number;
  name: string;
  /** eq gt gte lt lte */
  condition: string;
  value: number | string;
}

/** Points looked at in one go: others have their turn in between. */
const PAGE_POINTS = 1_000;
const MAX_BATCH_POINTS = 100_000;
const MAX_METRICS = 1_000;

const CONDITION_WORDS: Readonly<Record<MetricCondition, string>> = {
  eq: "equal to",
  gt: "greater than",
  gte: "at least",
  lt: "less than",
  lte: "at most",
};

export class Metrics {
  readonly #deps: MetricsDeps;
  readonly #news = new Waiters();

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
  }

  /** Records points of an attempt; how many of it are recorded now. Throws stale-lease, and invalid-input for what is no point. */
  async record(
    agentId: string,
    lease: { runId: number; attempt: number; token: string },
    batch: PointBatch,
  ): Promise<number> {
    const run = await this.#deps.lifecycle.requireLease(agentId, lease);
    checkBatch(batch);
    const { metrics } = this.#deps.store;
    const { firstNumber, points } = batch;
    const recorded = await this.#deps.rules.recording(run, batch, () =>
      metrics.addBatch(run.id, run.attempt, firstNumber, points),
    );
    this.#news.wake(run.id);
    return recorded;
  }

  /** The points asked for, those recorded first; the last part says that nothing follows. Ends early when the signal fires. */
  async *read(
    request: MetricsRequest,
    signal: AbortSignal,
  ): AsyncGenerator<{ points: NamedPoint[]; finished: boolean }, void, undefined> {
    const { principal, runId, follow } = request;
    if (request.metrics.length === 0) throw invalidInput("Name at least one metric.", "no-metric");
    if (request.metrics.length > MAX_METRICS) throw invalidInput(`At most ${MAX_METRICS} metrics at once.`, "too-many");
    const cursors = request.metrics.map(({ name, afterMs }) => ({ name, afterMs }));
    while (!signal.aborted) {
      // Armed before the look: news in between must not be missed.
      using news = this.#watch(runId, signal);
      const run = await this.#deps.lifecycle.get(principal, runId);
      for (const cursor of cursors) {
        for await (const page of this.#pages(runId, cursor)) {
          yield { points: page.map((point) => ({ ...point, name: cursor.name })), finished: false };
          if (signal.aborted) return;
        }
      }
      // All points of a run are recorded before its end is.
      if (isFinal(run.status) || !follow) {
        yield { points: [], finished: true };
        return;
      }
      await news.next;
    }
  }

  /** Holds until a value is as asked, or the run has ended without. Resolves undefined when the signal fires. */
  async wait(request: MetricWait, signal: AbortSignal): Promise<{ reached: boolean; message: string } | undefined> {
    const { principal, runId, name, value } = request;
    const condition = toCondition(request.condition, value);
    const cursor: { name: string; afterMs?: number } = { name };
    while (!signal.aborted) {
      using news = this.#watch(runId, signal);
      const run = await this.#deps.lifecycle.get(principal, runId);
      if (await this.#isMet(runId, cursor, { condition, value })) return { reached: true, message: "" };
      if (isFinal(run.status)) return { reached: false, message: await this.#never(run, name, { condition, value }) };
      await news.next;
    }
    return undefined;
  }

  async #isMet(
    runId: number,
    cursor: { name: string; afterMs?: number },
    { condition, value }: { condition: MetricCondition; value: number | string },
  ): Promise<boolean> {
    if (condition !== "eq") {
      const summary = await this.#deps.store.metrics.summary(runId, cursor.name);
      const extreme = condition === "gt" || condition === "gte" ? summary?.max : summary?.min;
      return extreme !== undefined && meets(extreme, condition, value);
    }
    for await (const page of this.#pages(runId, cursor)) {
      if (page.some((point) => meets(point.value, condition, value))) return true;
    }
    return false;
  }

  async #never(
    run: RunRecord,
    name: string,
    asked: { condition: MetricCondition; value: number | string },
  ): Promise<string> {
    const { metrics } = this.#deps.store;
    const ended = `Run ${run.id} has ended as ${run.status}`;
    const metric = JSON.stringify(name);
    if (!(await metrics.names(run.id)).includes(name)) return `${ended} and never sent a metric ${metric}.`;
    const last = (await metrics.summary(run.id, name))?.last;
    const what = `${CONDITION_WORDS[asked.condition]} ${JSON.stringify(asked.value)}`;
    return `${ended} and its metric ${metric} never was ${what}${last === undefined ? "" : `: the last number was ${last}`}.`;
  }

  /** What follows the cursor, which moves on. */
  async *#pages(runId: number, cursor: { name: string; afterMs?: number }): AsyncGenerator<MetricPoint[]> {
    for (;;) {
      const { name, afterMs } = cursor;
      const page = await this.#deps.store.metrics.listPoints(runId, name, { afterMs, limit: PAGE_POINTS });
      cursor.afterMs = page.at(-1)?.atMs ?? afterMs;
      if (page.length > 0) yield page;
      if (page.length < PAGE_POINTS) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next news of the run or of its metrics; disposing gives the wait up. */
  #watch(runId: number, signal: AbortSignal): { next: Promise<void> } & Disposable {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const next = Promise.race([this.#deps.changes.next(runId, either), this.#news.next(runId, either)]);
    return { next, [Symbol.dispose]: () => over.abort() };
  }
}

function checkBatch({ firstNumber, points }: PointBatch): void {
  if (firstNumber < 0) throw invalidInput(`Points are numbered from 0, not from ${firstNumber}.`, "bad-metric");
  if (points.length > MAX_BATCH_POINTS) {
    throw invalidInput(`A batch has at most ${MAX_BATCH_POINTS} points.`, "too-large");
  }
  for (const point of points) {
    const problem = metricProblem(point) ?? timeProblem(point);
    if (problem !== undefined) throw invalidInput(problem, "bad-metric");
  }
}

/** Up to the year 2200: what is written down in microseconds stays a whole number. */
const LAST_MS = Date.UTC(2200, 0);

function timeProblem({ atMs }: NamedPoint): string | undefined {
  return atMs > 0 && atMs < LAST_MS ? undefined : `${atMs} is no time at which a metric can have been sent.`;
}

function toCondition(text: string, value: number | string): MetricCondition {
  const condition = METRIC_CONDITIONS.find((each) => each === text);
  if (condition === undefined) {
    const message = `"${text}" is no condition: use one of ${METRIC_CONDITIONS.join(", ")}.`;
    throw invalidInput(message, "bad-condition");
  }
  if (typeof value === "number" && !Number.isFinite(value))
    throw invalidInput("The value must be finite.", "bad-value");
  if (typeof value === "string" && condition !== "eq") {
    throw invalidInput(`A text has no order: it can be waited for by "eq" only.`, "bad-condition");
  }
  return condition;
}
