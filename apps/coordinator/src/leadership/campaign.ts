/**
 * A coordinator on a record that several may open: it stands by until it leads, raises its beat while it does, and tells at once when it
 * cannot be sure of it any more. States: standing by, leading, over (lost or stopped); never back.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "@spell/domain";
import { mayLead, watchLeader } from "@spell/run-lifecycle";
import type { LeadershipRules, Watch } from "@spell/run-lifecycle";
import type { CoordinatorAddress, LeadershipRow } from "@spell/run-store/postgres";
import type { Lead } from "./lead.ts";
import { awaitsDatabase, leadsNoMore } from "./lead.ts";

/** How often this coordinator says that it is there, and asks who else is. */
const ANNOUNCE_EVERY_MS = 5_000;
/** After a beat that could not be raised the next one does not wait for its time. */
const AGAIN_MS = 100;

/** Where leadership is kept. Each call may fail at any time. */
export interface LeadershipPlace {
  read(): Promise<LeadershipRow>;
  take(seen: { epoch: number; beat: number }, address: string): Promise<number | undefined>;
  /** How many coordinators are known, this one among them; 0: another one leads. */
  beat(epoch: number): Promise<number>;
  resign(epoch: number): Promise<void>;
  announce(entry: CoordinatorAddress): Promise<CoordinatorAddress[]>;
}

export interface CampaignOptions {
  place: LeadershipPlace;
  rules: LeadershipRules;
  /** Of this coordinator, also before it was started again: nobody else may have it. */
  holder: string;
  entry: CoordinatorAddress;
  monotonicMs: () => number;
  /** Another one leads, or may lead from now on: this process has to end. */
  onLost(why: string): void;
  /** Somebody else has raised a beat: this coordinator stands by. May throw where it must not. */
  onStandby(leader: string): void;
  onCoordinators(all: CoordinatorAddress[]): void;
  /** Of the place: it is tried again. */
  onProblem(problem: string): void;
}

export class Campaign implements Lead {
  /** gRPC address of the leader, as this standby saw it last. */
  leader: string | undefined;
  readonly #options: CampaignOptions;
  readonly #stopping = new AbortController();
  #epoch: number | undefined;
  #beatAskedMs = 0;
  #alone = false;
  #watchdog: NodeJS.Timeout | undefined;
  #problem = "";
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  /** The epoch, once this coordinator leads; undefined when it was stopped before. From then on it beats. */
  async won(): Promise<number | undefined> {
    const announcing = this.#every(ANNOUNCE_EVERY_MS, async () => {
      this.#options.onCoordinators(await this.#options.place.announce(this.#options.entry));
    });
    const epoch = await this.#standBy();
    if (epoch === undefined) return undefined;
    this.#epoch = epoch;
    this.leader = this.#options.entry.coordinator;
    this.#watch();
    this.#loops = Promise.all([announcing, this.#beatOn(epoch)]);
    return epoch;
  }

  require(): void {
    const { rules, monotonicMs } = this.#options;
    if (this.#epoch !== undefined && mayLead(this.#beatAskedMs, monotonicMs(), rules)) return;
    throw this.#epoch === undefined ? leadsNoMore() : awaitsDatabase();
  }

  /** The record has refused a write of this epoch. */
  refused(): Error {
    this.#lost("another coordinator has taken over");
    return leadsNoMore();
  }

  /** Ends it, and lets another one lead at once. Nothing may be written any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#watchdog);
    await this.#loops;
    const epoch = this.#epoch;
    this.#epoch = undefined;
    if (epoch !== undefined) await this.#options.place.resign(epoch).catch(() => undefined);
  }

  async #standBy(): Promise<number | undefined> {
    const { place, rules, holder, entry, monotonicMs } = this.#options;
    let watch: Watch | undefined;
    while (!this.#stopping.signal.aborted) {
      const askedMs = monotonicMs();
      const read = await this.#trying(() => place.read());
      if (read !== undefined) {
        const before = watch;
        const looked = watchLeader(watch, { read, askedMs, knownMs: monotonicMs() }, { rules, formerSelf: holder });
        watch = looked.watch;
        if (looked.takeOver) {
          this.#beatAskedMs = monotonicMs();
          const epoch = await this.#trying(() => place.take(read, entry.coordinator));
          if (epoch !== undefined) return epoch;
        } else {
          this.leader = read.address;
          if (before !== undefined && watch.sinceMs !== before.sinceMs) this.#options.onStandby(read.address);
        }
      }
      await this.#pause(rules.lookEveryMs);
    }
    return undefined;
  }

  async #beatOn(epoch: number): Promise<void> {
    const { place, rules, monotonicMs } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const askedMs = monotonicMs();
      const raised = await this.#trying(() => place.beat(epoch));
      if (raised === 0) return this.#lost("another coordinator has taken over");
      if (raised !== undefined) {
        this.#alone = raised === 1;
        this.#beatAskedMs = askedMs;
        this.#watch();
      }
      await this.#pause(raised === undefined ? AGAIN_MS : rules.beatEveryMs);
    }
  }

  /** After a process was stopped, timers come before anything that has arrived meanwhile. */
  #watch(): void {
    const { rules, monotonicMs } = this.#options;
    clearTimeout(this.#watchdog);
    const leftMs = this.#beatAskedMs + rules.leadForMs - monotonicMs();
    this.#watchdog = setTimeout(() => this.#late(), leftMs);
  }

  /**
   * Nobody is served until it is known whether this coordinator still leads. Whoever could be served by another one must not be held; one
   * that was alone at its last beat waits for the database, as there is nobody to make way for.
   */
  #late(): void {
    if (!this.#alone) this.#lost(this.#problem || "its beat was not raised in time");
  }

  #lost(why: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    clearTimeout(this.#watchdog);
    this.#epoch = undefined;
    this.#options.onLost(why);
  }

  async #every(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#trying(work);
      await this.#pause(everyMs);
    }
  }

  /** Undefined when it failed, which is told once per problem. */
  async #trying<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await work();
      this.#problem = "";
      return value;
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) this.#options.onProblem(problem);
      this.#problem = problem;
      return undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
