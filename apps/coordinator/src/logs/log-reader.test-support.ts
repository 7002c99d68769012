/** A run's log as the reader sees it, in memory: record, object store and what was published, each changed by the test. */
import { SpellError } from "@spell/domain";
import type { LogBatch, LogEntry } from "@spell/domain";
import { EntryWriter, compressSegment } from "@spell/event-bus";
import type { ArchivedSegment, LogDescription, LogRecord } from "./log-record.ts";
import type { LogPart, LogReader } from "./log-reader.ts";

export const RUN_ID = 42;

interface MutableAttempt {
  number: number;
  ended: boolean;
  logEntries?: number;
  segments: ArchivedSegment[];
  notices?: LogEntry[];
}

/** One run. The record's methods answer from the fields; call `notify` after changing them. */
export class TestLog implements LogRecord {
  before: LogEntry[] = [];
  attempts: MutableAttempt[] = [];
  after: LogEntry[] = [];
  final = false;
  /** The object store rejects with `unavailable` while true. */
  storeAway = false;
  describeCount = 0;
  readonly objects = new Map<string, Uint8Array>();
  #wakes = new Set<() => void>();

  async describe(): Promise<LogDescription> {
    this.describeCount++;
    return structuredClone({ before: this.before, attempts: this.attempts, after: this.after, final: this.final });
  }

  changed(_runId: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(done);
        resolve();
      };
      const timer = setTimeout(done, 2_000);
      this.#wakes.add(done);
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted) done();
    });
  }

  /** Readers that wait for a change. */
  get waiters(): number {
    return this.#wakes.size;
  }

  notify(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  async get(key: string): Promise<Uint8Array> {
    if (this.storeAway) throw new SpellError("unavailable", "The object store is away.");
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw new SpellError("not-found", "No such object.");
    return bytes;
  }

  /** Stores and records a segment. */
  async archive(batch: LogBatch): Promise<void> {
    const writer = new EntryWriter();
    for (const entry of batch.entries) writer.entry(entry);
    const key = `logs/${batch.attempt}-${batch.firstNumber}-${batch.entries.length}`;
    this.objects.set(key, await compressSegment(batch, [writer.take().body]));
    const attempt = this.attempts.find((one) => one.number === batch.attempt);
    const { firstNumber } = batch;
    attempt?.segments.push({ firstNumber, entries: batch.entries.length, objectKey: key });
    this.notify();
  }

  /** `notices`: what the coordinator says after it, where another follows. */
  end(attempt: number, logEntries?: number, notices?: readonly string[]): void {
    const found = this.attempts.find((one) => one.number === attempt);
    if (found !== undefined) Object.assign(found, { ended: true, logEntries, notices: notices?.map(entry) });
    this.notify();
  }

  finish(after: readonly string[]): void {
    this.after = after.map(entry);
    this.final = true;
    this.notify();
  }
}

export function entry(text: string): LogEntry {
  return { atMs: Date.now(), text, status: "running", statusEvent: false, level: "", partial: false };
}

/** Entries `first` … `first + count - 1` of an attempt, each with its number as text. */
export function batch(attempt: number, first: number, count: number): LogBatch {
  const entries = Array.from({ length: count }, (_, index) => entry(`${attempt}:${first + index}`));
  return { runId: RUN_ID, attempt, firstNumber: first, entries };
}

/** The texts of a batch made by `batch`. */
export function textsOf(attempt: number, first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${attempt}:${first + index}`);
}

export interface Collected {
  texts: string[];
  parts: LogPart[];
  finished: boolean;
  nextOffset: number;
  done: Promise<void>;
  cancel(): Promise<void>;
}

/** Reads in the background; the fields grow. */
export function collect(reader: LogReader, options: { offset?: number; follow?: boolean } = {}): Collected {
  const abort = new AbortController();
  const collected: Collected = {
    texts: [],
    parts: [],
    finished: false,
    nextOffset: -1,
    done: Promise.resolve(),
    cancel: async () => {
      abort.abort();
      await collected.done.catch(() => undefined);
    },
  };
  collected.done = (async () => {
    const request = {
      runId: RUN_ID,
      offset: options.offset ?? 0,
      follow: options.follow ?? false,
      signal: abort.signal,
    };
    for await (const part of reader.readLog(request)) {
      collected.parts.push(part);
      collected.texts.push(...part.entries.map((one) => one.text));
      collected.nextOffset = part.nextOffset;
      collected.finished = part.finished;
    }
  })();
  return collected;
}
