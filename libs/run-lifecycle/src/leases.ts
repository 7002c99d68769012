/**
 * Leases of attempts. An agent renews all of its leases by being heard; time is this process's own monotonic clock, counted
 * from its start at the earliest, so neither a wrong clock nor the coordinator's own absence ends a run.
 */
import type { RunRecord, RunStore } from "@spell/run-store";

export interface LeasePolicy {
  /** How long an agent may be silent before its runs are declared interrupted, milliseconds. */
  leaseMs: number;
}

export class Leases {
  readonly #startedMs: number;
  readonly #heard = new Map<string, number>();
  readonly #monotonicMs: () => number;
  readonly #policy: LeasePolicy;

  constructor(policy: LeasePolicy, monotonicMs: () => number) {
    this.#policy = policy;
    this.#monotonicMs = monotonicMs;
    this.#startedMs = monotonicMs();
  }

  /** An agent was heard: every lease it holds is renewed. */
  renew(agentId: string): void {
    this.#heard.set(agentId, this.#monotonicMs());
  }

  /** How long the agent has been silent, milliseconds. */
  silenceMs(agentId: string): number {
    return this.#monotonicMs() - (this.#heard.get(agentId) ?? this.#startedMs);
  }

  /** The attempts whose lease has run out. */
  async expired(store: RunStore): Promise<RunRecord[]> {
    const held = await store.listHeld();
    return held.filter((run) => run.agentId !== undefined && this.silenceMs(run.agentId) > this.#policy.leaseMs);
  }
}
