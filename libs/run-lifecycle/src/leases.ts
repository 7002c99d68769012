/**
 * Leases of attempts. An agent renews all of its leases by being heard. Its silence is measured in **attended time**: of this
 * process's own monotonic clock, the part in which it could have heard its agents. So neither a wrong clock, nor the coordinator's
 * own absence (stopped, blocked, cut off, its record away), however short or long, ends a run. That clock stands still while a
 * machine sleeps, where it does not the gap is found.
 */
import type { RunRecord, RunStore } from "@spell/run-store";

export interface LeasePolicy {
  /** How long an agent may be silent before its runs are declared interrupted, milliseconds. */
  leaseMs: number;
}

/**
 * An agent that was silent for so long counts as lost: nothing new is given to it. It reports every five seconds, so two reports may
 * get lost. Its runs are its own until the lease has run out.
 */
export const SILENT_AFTER_MS = 12_000;
/** Somebody looks every second. Of a longer gap this much is attended time at most: for the rest this process stood still. */
const MOST_PER_LOOK_MS = 2_000;
/** After an absence as long as this the connections may be gone as well: every agent has a whole lease to come back. */
const ABSENCE_MS = 10_000;
/** When all agents fall silent at once, the coordinator itself is cut off, most likely. Believed for so many leases. */
const DEAF_LEASES = 6;

export class Leases {
  readonly #policy: LeasePolicy;
  readonly #monotonicMs: () => number;
  #lookedMs: number;
  /** Attended time at the last look. */
  #attendedMs = 0;
  /** Attended time since which this process listens without an absence. */
  #presentSinceMs = 0;
  /** How long all agents have been silent together, on the monotonic clock. */
  #deafMs = 0;
  /** Attended time at which each agent was heard last. */
  readonly #heard = new Map<string, number>();

  constructor(policy: LeasePolicy, monotonicMs: () => number) {
    this.#policy = policy;
    this.#monotonicMs = monotonicMs;
    this.#lookedMs = monotonicMs();
  }

  /** An agent was heard: every lease it holds is renewed. */
  renew(agentId: string): void {
    this.#heard.set(agentId, this.#nowMs());
  }

  /** How long the agent has been silent, milliseconds of attended time. */
  silenceMs(agentId: string): number {
    return this.#nowMs() - Math.max(this.#heard.get(agentId) ?? 0, this.#presentSinceMs);
  }

  /** Whether the agent counts as lost. */
  isSilent(agentId: string): boolean {
    return this.silenceMs(agentId) > SILENT_AFTER_MS;
  }

  /** How long until the agent's leases run out if it stays silent, milliseconds. */
  leftMs(agentId: string): number {
    return Math.max(0, this.#policy.leaseMs - this.silenceMs(agentId));
  }

  /** The attempts whose lease has run out. To be asked every second. While the record is away nobody is heard, and no time counts. */
  async expired(store: Pick<RunStore, "listHeld">): Promise<RunRecord[]> {
    const held = (await store.listHeld()).flatMap((run) =>
      run.agentId === undefined ? [] : [{ run, by: run.agentId }],
    );
    this.#look(new Set(held.map(({ by }) => by)));
    return held.filter(({ by }) => this.silenceMs(by) > this.#policy.leaseMs).map(({ run }) => run);
  }

  #look(holders: ReadonlySet<string>): void {
    const monotonicMs = this.#monotonicMs();
    const gapMs = monotonicMs - this.#lookedMs;
    if (this.#isDeaf(holders)) {
      this.#deafMs += gapMs;
      if (this.#deafMs > DEAF_LEASES * this.#policy.leaseMs) this.#attendedMs = this.#nowMs();
    } else {
      this.#attendedMs = this.#nowMs();
      if (gapMs > ABSENCE_MS || this.#deafMs > ABSENCE_MS) this.#presentSinceMs = this.#attendedMs;
      this.#deafMs = 0;
    }
    this.#lookedMs = monotonicMs;
  }

  /** Of one agent alone nobody can tell whether it is lost or we are. */
  #isDeaf(holders: ReadonlySet<string>): boolean {
    if (holders.size < 2) return false;
    return ![...holders, ...this.#heard.keys()].some((agentId) => !this.isSilent(agentId));
  }

  #nowMs(): number {
    return this.#attendedMs + Math.min(this.#monotonicMs() - this.#lookedMs, MOST_PER_LOOK_MS);
  }
}
