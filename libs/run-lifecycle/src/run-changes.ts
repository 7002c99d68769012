/**
 * Wakes whoever waits for a change of a run: this process's own waiters at once, those of a standby coordinator by the event
 * bus. Since the bus may lose news, every wait also ends by itself after a while and its owner looks again.
 */
import type { EventBus, Subscription } from "@spell/event-bus";
import type { RunRecord } from "@spell/run-store";
import { Waiters } from "./waiters.ts";

const MAX_ECHOES = 1_000;

export class RunChanges {
  readonly #bus: EventBus;
  readonly #waiters = new Waiters();
  /** Our own news that is still to come back over the bus, as `run/version`: nobody need be woken twice for it. */
  readonly #echoes = new Set<string>();
  #subscription: Subscription | undefined;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  async start(): Promise<void> {
    this.#subscription = await this.#bus.subscribeStatus((news) => {
      if (!this.#echoes.delete(echoOf(news.runId, news.version))) this.#waiters.wake(news.runId);
    });
  }

  async stop(): Promise<void> {
    await this.#subscription?.close();
    this.#waiters.wakeAll();
  }

  /** Tells the world, after the commit. */
  publish(run: Pick<RunRecord, "id" | "status" | "version">): void {
    this.#waiters.wake(run.id);
    if (!this.#bus.connected()) return;
    const echo = echoOf(run.id, run.version);
    this.#echoes.add(echo);
    // What the bus has lost never comes back: the oldest go, and at worst somebody is woken twice.
    for (const oldest of this.#echoes) {
      if (this.#echoes.size <= MAX_ECHOES) break;
      this.#echoes.delete(oldest);
    }
    const news = { runId: run.id, status: run.status, version: run.version };
    this.#bus.publishStatus(news).catch(() => this.#echoes.delete(echo));
  }

  /** Resolves at the next news of this run, after a while, or when the signal fires. */
  next(runId: number, signal?: AbortSignal): Promise<void> {
    return this.#waiters.next(runId, signal);
  }
}

function echoOf(runId: number, version: number): string {
  return `${runId}/${version}`;
}
