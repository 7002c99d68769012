/**
 * Sends entries to the bus as they come: at once while few messages are under way, gathered into larger ones while many
 * are. It holds a bounded window. While the bus takes messages, a full window makes the reading wait; while it does not,
 * the oldest entries fall out, and readers find them in the archive.
 */
import { hasCode, messageOf } from "@spell/domain";
import type { EncodedLogBatch, EventBus } from "@spell/event-bus";
import { MAX_BATCH_BYTES, MAX_BATCH_COUNT } from "./entry-source.ts";
import type { EncodedEntries } from "./entry-source.ts";
import { Wakeup } from "./wakeup.ts";

const WINDOW_BYTES = 8 * 1024 * 1024;
/** Enough that the bus is never idle; more would only make the messages smaller. */
const MAX_IN_FLIGHT = 16;
/** What a held batch costs besides its bytes. */
const BATCH_OVERHEAD_BYTES = 256;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;

export interface LivePublisherOptions {
  runId: number;
  attempt: number;
  bus: EventBus;
  onProblem: (message: string) => void;
}

export class LivePublisher {
  readonly #options: LivePublisherOptions;
  readonly #room = new Wakeup();
  #queue: EncodedEntries[] = [];
  /** Refused by the bus; sent again as they are, so that the bus knows a repeat. In order. */
  #refused: EncodedLogBatch[] = [];
  #heldBytes = 0;
  #inFlight = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #droppedCount = 0;
  #stopped = false;

  constructor(options: LivePublisherOptions) {
    this.#options = options;
  }

  /** Entries that were never published because the bus was away. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Takes entries; never waits. */
  offer(entries: EncodedEntries): void {
    if (this.#stopped) return;
    this.#queue.push(entries);
    this.#heldBytes += entries.body.length + BATCH_OVERHEAD_BYTES;
    if (this.#failures > 0) this.#dropOldest();
    this.#send();
  }

  /** Resolves when reading may go on. */
  async room(): Promise<void> {
    while (!this.#stopped && this.#failures === 0 && this.#heldBytes >= WINDOW_BYTES) await this.#room.wait();
  }

  /** No entry will come any more: what the bus does not take soon is left to the archive. Idempotent. */
  stop(options: { lingerMs: number } = { lingerMs: 0 }): void {
    if (options.lingerMs > 0) {
      setTimeout(() => this.stop(), options.lingerMs).unref();
      return;
    }
    this.#stopped = true;
    clearTimeout(this.#retryTimer);
    this.#queue = [];
    this.#refused = [];
    this.#room.wake();
  }

  #send(): void {
    // While the bus refuses, one message at a time asks whether it is back.
    const limit = this.#failures > 0 ? 1 : MAX_IN_FLIGHT;
    while (!this.#stopped && this.#inFlight < limit && this.#retryTimer === undefined) {
      const batch = this.#refused.shift() ?? this.#gather();
      if (batch === undefined) return;
      this.#inFlight++;
      void this.#publish(batch);
    }
  }

  async #publish(batch: EncodedLogBatch): Promise<void> {
    let refusal: unknown;
    try {
      await this.#options.bus.publishEncodedLog(batch);
    } catch (error) {
      refusal = error;
    }
    this.#inFlight--;
    if (refusal === undefined || !hasCode(refusal, "unavailable")) {
      if (refusal !== undefined) {
        this.#options.onProblem(`Log lines were not published: ${messageOf(refusal)}`);
        this.#droppedCount += batch.count;
      }
      this.#failures = 0;
      this.#heldBytes -= batch.body.length + BATCH_OVERHEAD_BYTES;
      this.#room.wake();
    } else {
      this.#failures++;
      this.#refused.push(batch);
      this.#refused.sort((one, other) => one.firstNumber - other.firstNumber);
      this.#dropOldest();
      this.#room.wake();
      this.#retryLater();
    }
    this.#send();
  }

  #retryLater(): void {
    if (this.#retryTimer !== undefined || this.#stopped) return;
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#send();
      },
      longest * (0.5 + Math.random() / 2),
    );
    this.#retryTimer.unref();
  }

  #dropOldest(): void {
    while (this.#heldBytes > WINDOW_BYTES) {
      const oldest = this.#refused.shift() ?? this.#queue.shift();
      if (oldest === undefined) return;
      this.#heldBytes -= oldest.body.length + BATCH_OVERHEAD_BYTES;
      this.#droppedCount += oldest.count;
    }
  }

  /** The next message: as many consecutive entries as fit. */
  #gather(): EncodedLogBatch | undefined {
    const [head] = this.#queue;
    if (head === undefined) return undefined;
    let taken = 0;
    let count = 0;
    let bytes = 0;
    for (const entries of this.#queue) {
      const fits = count + entries.count <= MAX_BATCH_COUNT && bytes + entries.body.length <= MAX_BATCH_BYTES;
      if (taken > 0 && !fits) break;
      taken++;
      count += entries.count;
      bytes += entries.body.length;
    }
    const bodies = this.#queue.splice(0, taken).map((entries) => entries.body);
    this.#heldBytes -= (taken - 1) * BATCH_OVERHEAD_BYTES;
    const body = bodies.length === 1 ? head.body : Buffer.concat(bodies);
    const { runId, attempt } = this.#options;
    return { runId, attempt, firstNumber: head.firstNumber, count, body };
  }
}
