/** The event bus, which may lose anything, deliver it late or twice, and be away. Each process has its own connection to it. */
import { SpellError } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { createMemoryBus } from "@spell/event-bus/memory";
import type { EventBus, StatusNews, Subscription } from "@spell/event-bus";
import { currentProcess, world } from "../world/world.ts";

export class SimBus {
  #shared = createMemoryBus();
  #listeners = new Set<(news: StatusNews) => void>();
  isAway = false;
  /** Somebody published it. */
  onPublished: (news: StatusNews) => void = () => undefined;
  /** How many of the messages are lost. */
  lossy = 0;

  /** Everything it kept is gone. */
  forget(): void {
    this.#shared = createMemoryBus();
  }

  /** A connection of the present process. */
  connect(): EventBus {
    const process = currentProcess();
    const requireBus = (): void => {
      world().effect();
      if (this.isAway) throw new SpellError("unavailable", "The bus is away. Try again.");
    };
    const later = (label: string, run: () => void): void => {
      world().after(world().random.between(0.1, 5), label, run, process);
    };
    const acknowledged = (label: string, work: () => Promise<void> | void): Promise<void> =>
      new Promise((resolve, reject) => {
        later(label, () => {
          if (this.isAway) reject(new SpellError("unavailable", "The bus did not answer."));
          else Promise.resolve(work()).then(resolve, reject);
        });
      });
    const { random } = world();
    const subscribeLog = async (
      runId: number,
      onBatch: (batch: LogBatch) => void | Promise<void>,
    ): Promise<Subscription> => {
      let closed = false;
      const queue: LogBatch[] = [];
      let delivering = false;
      const deliver = (): void => {
        const batch = queue.shift();
        if (closed || batch === undefined) {
          delivering = false;
          return;
        }
        if (this.isAway || random.chance(this.lossy)) return deliver();
        Promise.resolve(onBatch(batch)).then(
          () => later("log", deliver),
          () => undefined,
        );
      };
      const inner = await this.#shared.subscribeLog(runId, (batch) => {
        queue.push(batch);
        if (delivering) return;
        delivering = true;
        later("log", deliver);
      });
      return {
        close: async () => {
          closed = true;
          await inner.close();
        },
      };
    };
    return {
      publishStatus: async (news) => {
        requireBus();
        this.onPublished(news);
        if (random.chance(this.lossy)) return;
        for (const listener of this.#listeners) listener(news);
      },
      subscribeStatus: async (onNews) => {
        const listener = (news: StatusNews): void => later("status", () => onNews(news));
        this.#listeners.add(listener);
        const close = (): void => void this.#listeners.delete(listener);
        process?.onDeath.push(close);
        return { close: async () => close() };
      },
      publishLog: async (batch) => {
        requireBus();
        await acknowledged("publish", () => this.#shared.publishLog(batch));
      },
      publishEncodedLog: async (batch) => {
        requireBus();
        // Acknowledged and lost, as a bus may that syncs later.
        await acknowledged("publish", () =>
          random.chance(this.lossy) ? undefined : this.#shared.publishEncodedLog(batch),
        );
      },
      subscribeLog,
      lastLog: async (runId) => (this.isAway ? undefined : this.#shared.lastLog(runId)),
      connected: () => !this.isAway,
      close: async () => undefined,
    };
  }
}
