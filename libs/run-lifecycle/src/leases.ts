/**
 * Leases of attempts. An agent renews all of its leases by being heard; time is this process's own monotonic clock, counted
 * from its start or its last absence at the earliest, so neither a wrong clock nor the coordinator's own absence ends a run.
 */
import type { RunRecord, RunStore } from "@spell/run-store";

export interface LeasePolicy {
  /** How long an agent may be silent before its runs are declared interrupted, milliseconds. */
  leaseMs: number;
}

/** Somebody looks every second; a longer gap than this means that this process stood still and heard nobody. */
const ABSENCE_MS = 10_000;

export class Leases {
  /** Since when this process listens without a gap. */
  #presentSinceMs: number;
  #lookedMs: number;
  readonly #heard = new Map<string, number>();
  readonly #monotonicMs: () => number;
  readonly #policy: LeasePolicy;

  constructor(policy: LeasePolicy, monotonicMs: () => number) {
    this.#policy = policy;
    this.#monotonicMs = monotonicMs;
    this.#presentSinceMs = monotonicMs();
    this.#lookedMs = this.#presentSinceMs;
  }

  /** An agent was heard: every lease it holds is renewed. */
  renew(agentId: string): void {
    this.#heard.set(agentId, this.#monotonicMs());
  }

  /** How long the agent has been silent, milliseconds. */
  silenceMs(agentId: string): number {
    return this.#monotonicMs() - Math.max(this.#heard.get(agentId) ?? 0, this.#presentSinceMs);
  }

  /** The attempts whose lease has run out. To be asked every second. */
  async expired(store: RunStore): Promise<RunRecord[]> {
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#lookedMs > ABSENCE_MS) this.#presentSinceMs = nowMs;
    this.#lookedMs = nowMs;
    const held = await store.listHeld();
    return held.filter((run) => run.agentId !== undefined && this.silenceMs(run.agentId) > this.#policy.leaseMs);
  }
}
