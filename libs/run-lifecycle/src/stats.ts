/**
 * What running runs use of their machines, while somebody looks. Agents measure a run only as long as it has followers here; the
 * latest sample is kept for them and forgotten with the last of them. However many follow, there is one sample of a run.
 */
import { SpellError, isFinal } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";
import type { AgentSessions } from "./agent-sessions.ts";
import { holdsLease } from "./apply-report.ts";
import type { Principal } from "./principal.ts";
import type { RunChanges } from "./run-changes.ts";
import type { RunLifecycle } from "./run-lifecycle.ts";
import { Waiters } from "./waiters.ts";

/** As its agent measured it; units as in the proto. */
export interface RunStats {
  /** Tells one sample of an attempt from another. */
  atMs: number;
  cpuPercentage: number;
  memoryBytes: number;
  memoryTotalBytes: number;
  networkReceivedBytes: number;
  networkSentBytes: number;
  diskReadBytes: number;
  diskWrittenBytes: number;
  gpus: GpuStats[];
}

/** What the driver does not know is undefined. */
export interface GpuStats {
  index: number;
  name: string;
  temperature?: number;
  powerWatts?: number;
  powerLimitWatts?: number;
  utilization?: number;
  memoryUtilization?: number;
  memoryBytes?: number;
  memoryTotalBytes?: number;
  performanceState: string;
}

export interface StatsDeps {
  lifecycle: RunLifecycle;
  sessions: AgentSessions;
  changes: RunChanges;
  /** How long one sample is waited for, milliseconds. */
  waitMs?: number;
}

export interface StatsPart {
  stats?: RunStats;
  finished: boolean;
  message: string;
}

/** A sample older than this is of a machine that fell silent. */
const FRESH_MS = 3_000;
const WAIT_MS = 10_000;

interface Followed {
  followers: number;
  /** As it was looked at last: whose samples count. */
  run: RunRecord;
  latest?: { stats: RunStats; receivedAt: number };
}

export class Stats {
  readonly #deps: StatsDeps;
  readonly #followed = new Map<number, Followed>();
  readonly #samples = new Waiters();

  constructor(deps: StatsDeps) {
    this.#deps = deps;
  }

  /** Whether its agent is to measure the run. */
  wanted(runId: number): boolean {
    return this.#followed.has(runId);
  }

  /** Samples that an agent sent along with its reports. Those of attempts that are not its own change nothing. */
  record(
    agentId: string,
    reports: readonly { runId: number; attempt: number; leaseToken: string; stats?: RunStats }[],
  ): void {
    for (const { runId, attempt, leaseToken, stats } of reports) {
      const followed = this.#followed.get(runId);
      if (stats === undefined || followed === undefined) continue;
      if (!holdsLease(followed.run, { agentId, attempt, leaseToken })) continue;
      if (stats.atMs === followed.latest?.stats.atMs) continue;
      followed.latest = { stats, receivedAt: performance.now() };
      this.#samples.wake(runId);
    }
  }

  /**
   * One sample, or with `follow` each new one until the run has ended; the last part says that nothing follows. A reader that is
   * slower than the samples misses some. Throws conflict when one sample is asked for and none comes in time.
   */
  async *read(
    { principal, runId, follow }: { principal: Principal; runId: number; follow: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<StatsPart, void, undefined> {
    using place = this.#follow(await this.#deps.lifecycle.get(principal, runId));
    const { followed } = place;
    const deadline = performance.now() + (this.#deps.waitMs ?? WAIT_MS);
    let seen: RunStats | undefined;
    while (!signal.aborted) {
      // Armed before the look: news in between must not be missed.
      using news = this.#news(runId, signal);
      followed.run = await this.#deps.lifecycle.get(principal, runId);
      const message = whyNone(followed.run, follow);
      if (message !== undefined) return yield { finished: true, message };
      while (!news.happened && !signal.aborted) {
        const sample = this.#samples.next(runId, news.signal);
        const stats = freshOf(followed);
        if (stats === undefined || stats === seen) {
          if (!follow && performance.now() > deadline) throw noSample(followed.run);
          await Promise.race([news.next, sample]);
          continue;
        }
        seen = stats;
        yield { stats, finished: false, message: "" };
        if (!follow) return yield { finished: true, message: "" };
      }
    }
  }

  #follow(run: RunRecord): { followed: Followed } & Disposable {
    const followed = this.#followed.get(run.id) ?? { followers: 0, run };
    this.#followed.set(run.id, followed);
    followed.followers += 1;
    if (followed.followers === 1) this.#tell(run);
    return {
      followed,
      [Symbol.dispose]: () => {
        followed.followers -= 1;
        if (followed.followers > 0) return;
        this.#followed.delete(run.id);
        this.#tell(followed.run);
      },
    };
  }

  #tell({ agentId }: RunRecord): void {
    if (agentId !== undefined) this.#deps.sessions.find(agentId)?.push();
  }

  /** The next news of the run; disposing gives up this wait and those under its signal. */
  #news(runId: number, signal: AbortSignal) {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const news = {
      happened: false,
      signal: either,
      next: this.#deps.changes.next(runId, either).then(() => void (news.happened = true)),
      [Symbol.dispose]: () => over.abort(),
    };
    return news;
  }
}

function freshOf({ latest }: Followed): RunStats | undefined {
  return latest !== undefined && performance.now() - latest.receivedAt < FRESH_MS ? latest.stats : undefined;
}

/** Why nothing is to be expected; undefined while a sample may come. */
function whyNone(run: RunRecord, follow: boolean): string | undefined {
  if (isFinal(run.status)) return `Run ${run.id} is no longer running: it ended as ${run.status}.`;
  if (follow) return undefined;
  if (run.status === "saving" || run.status === "pushing") {
    return `Run ${run.id} is no longer running: it is ${run.status} its outputs.`;
  }
  return run.passed.includes("running") ? undefined : `Run ${run.id} is not running yet: it is at ${run.status}.`;
}

function noSample({ id }: RunRecord): SpellError {
  const message = `The machine of run ${id} did not say in time what it uses. Try again, or look whether its agent is well.`;
  return new SpellError("conflict", message, { reason: "no-stats" });
}
