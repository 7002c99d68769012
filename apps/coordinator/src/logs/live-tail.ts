/**
 * The live end of a run's log in bounded memory. While the buffer is full the bus is not asked for more. When that lasts
 * because nobody takes the entries, the tail closes itself: a reader that comes back finds them in the archive and opens
 * another tail.
 */
import type { LogBatch, LogEntry } from "@spell/domain";
import type { EventBus, Subscription } from "@spell/event-bus";

const DEFAULT_MAX_HELD = 2 * 1024 * 1024;
const MAX_STALL_MS = 10_000;
/** What an entry weighs besides its text. */
const ENTRY_WEIGHT = 100;

export interface LiveTailOptions {
  bus: EventBus;
  runId: number;
  sinceMs?: number;
  /** Characters held at most (entries count 100 besides). Default: 2 Mi. */
  maxHeld?: number;
}

export class LiveTail {
  readonly #options: LiveTailOptions;
  #batches: { batch: LogBatch; weight: number }[] = [];
  #held = 0;
  #attempt = 0;
  #number = 0;
  #arrived = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  #subscription: Promise<Subscription> | undefined;
  #open = false;

  constructor(options: LiveTailOptions) {
    this.#options = options;
  }

  /** False before `open`, and once it was closed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** What is held, in characters: never much more than the limit. */
  get held(): number {
    return this.#held;
  }

  open(): void {
    this.#open = true;
    const { bus, runId, sinceMs } = this.#options;
    this.#subscription = bus.subscribeLog(runId, (batch) => this.#take(batch), { sinceMs });
    this.#subscription.catch(() => (this.#open = false));
  }

  /** The held entries from this number of this attempt on; everything before them is let go. Undefined: not (yet) here. */
  entriesAt(attempt: number, number: number): LogEntry[] | undefined {
    this.#attempt = attempt;
    this.#number = number;
    this.#dropPassed();
    const found = this.#batches.find(({ batch }) => batch.attempt === attempt && batch.firstNumber <= number);
    return found?.batch.entries.slice(number - found.batch.firstNumber);
  }

  /** Resolves when something has come since the last call of `entriesAt`. */
  arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#open = false;
    this.#batches = [];
    this.#held = 0;
    this.#makeRoom();
    const subscription = await this.#subscription?.catch(() => undefined);
    await subscription?.close();
  }

  async #take(batch: LogBatch): Promise<void> {
    if (!this.#open || this.#isPassed(batch)) return;
    const weight = batch.entries.reduce((sum, entry) => sum + ENTRY_WEIGHT + entry.text.length, 0);
    this.#batches.push({ batch, weight });
    this.#held += weight;
    this.#arrived.resolve();
    const deadline = Date.now() + MAX_STALL_MS;
    while (this.#open && this.#held > (this.#options.maxHeld ?? DEFAULT_MAX_HELD)) {
      const left = deadline - Date.now();
      if (left <= 0) {
        void this.close();
        return;
      }
      await withTimeout(this.#room.promise, left);
    }
  }

  #dropPassed(): void {
    this.#arrived = Promise.withResolvers<void>();
    const kept = this.#batches.filter(({ batch }) => !this.#isPassed(batch));
    if (kept.length === this.#batches.length) return;
    this.#batches = kept;
    this.#held = kept.reduce((sum, { weight }) => sum + weight, 0);
    this.#makeRoom();
  }

  #isPassed(batch: LogBatch): boolean {
    if (batch.attempt !== this.#attempt) return batch.attempt < this.#attempt;
    return batch.firstNumber + batch.entries.length <= this.#number;
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }
}

async function withTimeout(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)))]);
  clearTimeout(timer);
}
