/**
 * Reads a run's log: the coordinator's first notices, the entries of each attempt by number and what the coordinator says after
 * them, its last notices. An entry comes from the live tail when that holds it, else from an archived segment; what is in neither yet is waited for, and
 * what an ended attempt lost is said, never hidden. The record alone decides where an attempt and the log end, so a run
 * that has ended is read without the bus.
 */
import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "@spell/domain";
import type { LogEntry } from "@spell/domain";
import type { EventBus } from "@spell/event-bus";
import type { ObjectStore } from "@spell/object-store";
import { LiveTail } from "./live-tail.ts";
import { placeOf, recordedEntries, sectionLength } from "./log-record.ts";
import type { AttemptLog, LogDescription, LogPlace, LogRecord } from "./log-record.ts";
import { SegmentCache } from "./segment-cache.ts";

export type { LogRecord } from "./log-record.ts";

export interface ReadLogRequest {
  runId: number;
  /** Index of the first entry; negative: the last N of what exists now. */
  offset: number;
  /** Go on until the run has ended and everything was given. */
  follow: boolean;
  /** Ends the reading, without an error. */
  signal: AbortSignal;
}

export interface LogPart {
  /** At most 4096, and about a mebibyte. */
  entries: LogEntry[];
  /** Index that continues after these entries. */
  nextOffset: number;
  /** The last part. */
  finished: boolean;
}

export interface LogReaderOptions {
  record: LogRecord;
  objects: Pick<ObjectStore, "get">;
  bus: EventBus;
}

const MAX_PART_ENTRIES = 4096;
const MAX_PART_CHARACTERS = 1024 * 1024;
/** The record is looked at again at least so often while waiting. */
const LOOK_AGAIN_MS = 1_000;
/** How long a reader that does not follow waits for entries the bus is known to have. */
const BACKLOG_WAIT_MS = 300;
/** Clocks of agents and of the bus may differ by so much without delaying the tail. */
const CLOCK_SKEW_MS = 60_000;
const STORE_RETRIES = 5;

export class LogReader {
  readonly #record: LogRecord;
  readonly #bus: EventBus;
  readonly #segments: SegmentCache;

  constructor(options: LogReaderOptions) {
    this.#record = options.record;
    this.#bus = options.bus;
    this.#segments = new SegmentCache(options.objects);
  }

  /** Entries in order, each once. Rejects with `not-found`, or with `unavailable` when the object store stays away. */
  async *readLog(request: ReadLogRequest): AsyncGenerator<LogPart, void, undefined> {
    const ended = new AbortController();
    const stop = AbortSignal.any([request.signal, ended.signal]);
    const reading = new Reading({ ...request, signal: stop }, this.#record, this.#bus, this.#segments);
    try {
      await reading.begin();
      while (!stop.aborted) {
        const step = await reading.step();
        if (step === "finished") {
          yield { entries: [], nextOffset: reading.offset, finished: true };
          return;
        }
        if (step === "wait") {
          await reading.wait();
          continue;
        }
        for (const entries of slices(step.entries)) {
          yield { entries, nextOffset: reading.advance(entries.length + step.skipped), finished: false };
          if (stop.aborted) return;
        }
      }
    } finally {
      ended.abort();
      await reading.close();
    }
  }
}

interface Found {
  entries: readonly LogEntry[];
  /** Entries before these that do not exist any more. */
  skipped: number;
}

/** One reader's way through one log. */
class Reading {
  readonly #request: ReadLogRequest;
  readonly #record: LogRecord;
  readonly #bus: EventBus;
  readonly #segments: SegmentCache;
  #log: LogDescription = { before: [], attempts: [], after: [], final: false };
  #change: Promise<void> = Promise.resolve();
  /** The record may differ from what was seen; true before the first look. */
  #changed = true;
  #place: LogPlace = { section: 0, number: 0 };
  #tail: LiveTail | undefined;
  #lastAtMs: number | undefined;
  /** The attempt that was read before it had ended. */
  #live: number | undefined;
  /** Without follow: how far the attempt that still runs is read, and until when it is waited for. */
  #backlog: { until: number; deadlineMs: number } | undefined;
  offset = 0;

  constructor(request: ReadLogRequest, record: LogRecord, bus: EventBus, segments: SegmentCache) {
    this.#request = request;
    this.#record = record;
    this.#bus = bus;
    this.#segments = segments;
  }

  async begin(): Promise<void> {
    await this.#look();
    const { offset, follow } = this.#request;
    const runningEnd = offset < 0 || !follow ? await this.#runningEnd() : 0;
    if (!follow) this.#backlog = { until: runningEnd, deadlineMs: Date.now() + BACKLOG_WAIT_MS };
    this.offset = offset >= 0 ? offset : Math.max(0, this.#total(runningEnd) + offset);
    this.#place = placeOf(this.#log, this.offset);
  }

  async step(): Promise<Found | "wait" | "finished"> {
    const { section, number } = this.#place;
    const { before, attempts, after, final } = this.#log;
    if (section === 0) {
      if (number < before.length) return { entries: before.slice(number), skipped: 0 };
      if (attempts.length === 0 && !final) return this.#nothingYet();
      return this.#nextSection();
    }
    const attempt = attempts[section - 1];
    if (attempt !== undefined) return this.#stepAttempt(attempt);
    if (!final) return this.#nothingYet();
    return number < after.length ? { entries: after.slice(number), skipped: 0 } : "finished";
  }

  /** Counts entries as given; returns the offset after them. */
  advance(count: number): number {
    this.offset += count;
    this.#place = { ...this.#place, number: this.#place.number + count };
    if (this.#backlog !== undefined) this.#backlog.deadlineMs = Date.now() + BACKLOG_WAIT_MS;
    return this.offset;
  }

  /** Until there may be more. */
  async wait(): Promise<void> {
    const { signal } = this.#request;
    const timer = new AbortController();
    const waits = [this.#change, delay(this.#waitMs(), undefined, { signal: timer.signal }).catch(() => undefined)];
    let arrived = false;
    // Not behind an attempt that has ended: an agent that was given up may still print, and each wait would be over at once.
    const isLive = this.#log.attempts[this.#place.section - 1]?.ended === false;
    if (isLive && this.#tail !== undefined) waits.push(this.#tail.arrived().then(() => void (arrived = true)));
    await Promise.race(waits);
    timer.abort();
    // Live lines need no look at the record.
    if ((!arrived || this.#changed) && !signal.aborted) await this.#look();
  }

  async close(): Promise<void> {
    await this.#tail?.close();
  }

  async #stepAttempt(attempt: AttemptLog): Promise<Found | "wait" | "finished"> {
    const { number } = this.#place;
    const isOver = attempt.ended || this.#log.final;
    const end = recordedEntries(attempt);
    // Lines beyond its end are those of an agent that was given up: they belong to nothing.
    const live = isOver && number >= end ? undefined : this.#tail?.entriesAt(attempt.number, number);
    if (live !== undefined && live.length > 0) return this.#found(live);
    const archived = await this.#fromSegment(attempt, number);
    if (archived !== undefined) return archived;
    if (!isOver) {
      this.#live = attempt.number;
      if (this.#backlog === undefined || number < this.#backlog.until) await this.#openTail(attempt);
      return this.#nothingYet();
    }
    if (number >= end) return this.#stepNotices(attempt, end);
    const next = attempt.segments.map((segment) => segment.firstNumber).filter((first) => first > number);
    return lost(Math.min(end, ...next) - number);
  }

  #stepNotices(
    { number: attempt, notices = [] }: AttemptLog,
    end: number,
  ): Promise<Found | "wait" | "finished"> | Found {
    const { section, number } = this.#place;
    // Lines that came live and that its agent never archived: what comes next has the index that the record counts.
    if (attempt === this.#live && number > end) {
      this.#place = { section, number: end };
      this.offset -= number - end;
    }
    this.#live = undefined;
    const entries = notices.slice(this.#place.number - end);
    return entries.length > 0 ? { entries, skipped: 0 } : this.#nextSection();
  }

  #found(entries: readonly LogEntry[]): Found {
    this.#lastAtMs = entries.at(-1)?.atMs;
    return { entries, skipped: 0 };
  }

  #nextSection(): Promise<Found | "wait" | "finished"> {
    this.#place = { section: this.#place.section + 1, number: 0 };
    return this.step();
  }

  #nothingYet(): "wait" | "finished" {
    const backlog = this.#backlog;
    if (backlog === undefined) return "wait";
    return this.#place.number >= backlog.until || Date.now() >= backlog.deadlineMs ? "finished" : "wait";
  }

  #waitMs(): number {
    if (this.#backlog === undefined) return LOOK_AGAIN_MS;
    return Math.max(1, this.#backlog.deadlineMs - Date.now());
  }

  async #fromSegment(attempt: AttemptLog, number: number): Promise<Found | undefined> {
    const covering = attempt.segments.filter(
      (segment) => segment.firstNumber <= number && number < segment.firstNumber + segment.entries,
    );
    for (const segment of covering) {
      const batch = await this.#load(segment.objectKey);
      const foreign = batch?.runId !== this.#request.runId || batch.attempt !== attempt.number;
      const entries = foreign ? [] : batch.entries.slice(Math.max(0, number - batch.firstNumber));
      if (entries.length > 0 && batch !== undefined && batch.firstNumber <= number) return this.#found(entries);
    }
    const [damaged] = covering;
    return damaged === undefined ? undefined : lost(damaged.firstNumber + damaged.entries - number);
  }

  async #load(objectKey: string): ReturnType<SegmentCache["get"]> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#segments.get(objectKey);
      } catch (error) {
        if (!hasCode(error, "unavailable") || failures > STORE_RETRIES || this.#request.signal.aborted) throw error;
        await delay(100 * 2 ** failures, undefined, { signal: this.#request.signal }).catch(() => undefined);
      }
    }
  }

  async #openTail(attempt: AttemptLog): Promise<void> {
    if (this.#tail?.isOpen) return;
    const atMs = this.#lastAtMs ?? (await this.#lastArchivedAtMs(attempt));
    const sinceMs = atMs === undefined ? undefined : Math.min(atMs, Date.now()) - CLOCK_SKEW_MS;
    await this.#tail?.close();
    this.#tail = new LiveTail({ bus: this.#bus, runId: this.#request.runId, sinceMs });
    this.#tail.entriesAt(attempt.number, this.#place.number);
    this.#tail.open();
  }

  async #lastArchivedAtMs(attempt: AttemptLog): Promise<number | undefined> {
    const last = attempt.segments.at(-1);
    return last === undefined ? undefined : (await this.#load(last.objectKey))?.entries.at(-1)?.atMs;
  }

  /** Looks at the record; whatever changes after the look is noticed. */
  async #look(): Promise<void> {
    if (this.#changed) this.#watch();
    this.#log = await this.#record.describe(this.#request.runId);
  }

  #watch(): void {
    this.#changed = false;
    this.#change = this.#record.changed(this.#request.runId, this.#request.signal).then(
      () => void (this.#changed = true),
      () => void (this.#changed = true),
    );
  }

  /** How many entries the attempt that still runs has now, archived or on the bus. */
  async #runningEnd(): Promise<number> {
    const attempt = this.#log.attempts.at(-1);
    if (attempt === undefined || attempt.ended || this.#log.final) return 0;
    const last = await this.#bus.lastLog(this.#request.runId);
    const published = last?.attempt === attempt.number ? last.firstNumber + last.entries.length : 0;
    return Math.max(published, recordedEntries(attempt));
  }

  #total(runningEnd: number): number {
    const { before, attempts, after, final } = this.#log;
    const ended = attempts.filter((attempt) => attempt.ended || final);
    const archived = ended.reduce((sum, attempt) => sum + sectionLength(attempt), 0);
    return before.length + archived + runningEnd + (final ? after.length : 0);
  }
}

/** One entry that stands for `count` lost ones. */
function lost(count: number): Found {
  const text = count === 1 ? "(1 log entry was lost)" : `(${count} log entries were lost)`;
  const entry = { atMs: 0, text, status: "running", statusEvent: false, level: "warning", partial: false };
  return { entries: [entry], skipped: count - 1 };
}

function* slices(entries: readonly LogEntry[]): Generator<LogEntry[]> {
  let start = 0;
  while (start < entries.length) {
    let end = start;
    let characters = 0;
    while (
      end < entries.length &&
      end - start < MAX_PART_ENTRIES &&
      (end === start || characters < MAX_PART_CHARACTERS)
    ) {
      characters += entries[end++]?.text.length ?? 0;
    }
    yield entries.slice(start, end);
    start = end;
  }
}
