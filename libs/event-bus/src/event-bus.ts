/**
 * The event bus: news of runs and their log lines. Losing messages may delay a reader, never corrupt a state: the truth
 * is in SQL and in the object store, and every consumer can rebuild from there.
 */
import type { LogBatch } from "@spell/domain";

/** News that a run's record changed; the record itself is the truth. */
export interface StatusNews {
  runId: number;
  status: string;
  /** Version of the record, growing with every change. */
  version: number;
}

export interface Subscription {
  /** Ends it; idempotent. */
  close(): Promise<void>;
}

/** A log batch already in its wire form; see `EntryWriter`. */
export interface EncodedLogBatch {
  runId: number;
  attempt: number;
  firstNumber: number;
  /** Number of entries in `body`. */
  count: number;
  /** The entries alone (field 4 of LogBatch, repeated), without the batch's header. At most 512 KiB. */
  body: Uint8Array;
}

export interface LogSubscriptionOptions {
  /**
   * Unix time, milliseconds: batches published before may be left out. A hint that saves work: a reader that already
   * holds older entries sets it. Default: everything that the bus still keeps.
   */
  sinceMs?: number;
}

export interface EventBus {
  /** Publishes on spell.v1.run.<id>.status. Resolves when handed over; rejects with `unavailable` while the bus is away. */
  publishStatus(news: StatusNews): Promise<void>;
  /** Every later status news of all runs. Survives reconnects; news published while away may be missed. */
  subscribeStatus(onNews: (news: StatusNews) => void): Promise<Subscription>;
  /**
   * Publishes on spell.v1.run.<id>.log and resolves when JetStream has acknowledged. A repeat of the same batch is
   * dropped by the bus. Rejects with `unavailable` when there is no acknowledgement in time: publish the same batch again.
   */
  publishLog(batch: LogBatch): Promise<void>;
  /** The same for a batch in its wire form: no object per line. The body must not change afterwards. */
  publishEncodedLog(batch: EncodedLogBatch): Promise<void>;
  /**
   * Batches of a run that the bus still keeps, then live ones, in the order published. Across a bus restart it goes on;
   * numbers tell the reader about gaps and repeats. While `onBatch` returns an unsettled promise, no further batch of this
   * subscription is delivered: a slow reader leaves its backlog in the bus. Also works, from the moment it comes, while
   * the bus is away.
   */
  subscribeLog(
    runId: number,
    onBatch: (batch: LogBatch) => void | Promise<void>,
    options?: LogSubscriptionOptions,
  ): Promise<Subscription>;
  /** The batch of a run published last that the bus still keeps; undefined when there is none or the bus does not answer. */
  lastLog(runId: number): Promise<LogBatch | undefined>;
  /** Whether a connection stands right now. */
  connected(): boolean;
  /** Flushes and disconnects. */
  close(): Promise<void>;
}
