/**
 * The sequence of an attempt's entries, derived from the spool and the notice journal from any position on. Two sources
 * at the same position give the same entries with the same numbers, in this life of the agent or the next.
 */
import { MAX_ENTRY_BYTES } from "@spell/domain";
import { EntryWriter } from "@spell/event-bus";
import { cutLines } from "./line-cutter.ts";
import type { NoticeJournal, NoticeRecord } from "./notice-journal.ts";
import type { SpoolFile } from "./spool-file.ts";

/** A place in the sequence. */
export interface LogPosition {
  /** Number of the next entry. */
  number: number;
  /** Spool bytes before it. */
  offset: number;
  /** Records of the notice journal before it. */
  notices: number;
}

export const START: LogPosition = { number: 0, offset: 0, notices: 0 };

/** Consecutive entries in their wire form. */
export interface EncodedEntries {
  firstNumber: number;
  count: number;
  body: Buffer;
  atMs: number;
  /** The place after them. */
  end: LogPosition;
}

export const MAX_BATCH_COUNT = 4096;
/** So that one more entry of the largest size still stays below the bus's limit. */
export const MAX_BATCH_BYTES = 240 * 1024;
const BUFFER_BYTES = 2 * MAX_ENTRY_BYTES + 64 * 1024;
/** Most runs print little: allocating the whole buffers for each cost more time in garbage collection than all their lines. */
const FIRST_BUFFER_BYTES = 16 * 1024;
const LOST_TEXT = "(this line was lost: the log file was cut before the line was stored)";

export interface EntrySourceOptions {
  spool: SpoolFile;
  journal: NoticeJournal;
  from: LogPosition;
  /** Unix time (milliseconds) to give to the entries from this number on. */
  clock: (number: number) => number;
}

export class EntrySource {
  readonly #options: EntrySourceOptions;
  readonly #writer = new EntryWriter(FIRST_BUFFER_BYTES);
  #position: LogPosition;
  #buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  /** Spool bytes #bufferOffset … #bufferOffset + #bufferLength lie in the buffer. */
  #bufferOffset: number;
  #bufferLength = 0;

  constructor(options: EntrySourceOptions) {
    this.#options = options;
    this.#position = { ...options.from, notices: Math.min(options.from.notices, options.journal.length) };
    this.#bufferOffset = this.#position.offset;
  }

  /** The place of the next entry. */
  get position(): LogPosition {
    return this.#position;
  }

  /** The next entries, at most `maxEntries`; undefined when there are none now. One call at a time. Throws what the disk says. */
  async read(maxEntries = MAX_BATCH_COUNT): Promise<EncodedEntries | undefined> {
    const limit = Math.min(maxEntries, MAX_BATCH_COUNT);
    const firstNumber = this.#position.number;
    const atMs = this.#options.clock(firstNumber);
    let filled = false;
    for (;;) {
      this.#takeNotices(limit);
      this.#replaceLost(limit, atMs);
      this.#takeLines(limit, atMs);
      this.#takeNotices(limit);
      if (this.#writer.count >= limit || this.#writer.sizeBytes >= MAX_BATCH_BYTES || filled) break;
      try {
        const got = await this.#fill();
        if (got === "nothing") break;
        // A buffer full of one line is no entry yet: there is more at once, in a larger one.
        filled = got === "some" || this.#writer.count > 0;
      } catch (error) {
        // What has a number already must be given first; the next call meets the same error.
        if (this.#writer.count === 0) throw error;
        break;
      }
    }
    if (this.#writer.count === 0) return undefined;
    return { firstNumber, ...this.#writer.take(), atMs, end: { ...this.#position } };
  }

  /** Stands in for entries that cannot be read any more, up to a place that is known; the source goes on from there. */
  lost(until: LogPosition): EncodedEntries {
    const firstNumber = this.#position.number;
    const atMs = this.#options.clock(firstNumber);
    this.#fillIn(Math.min(MAX_BATCH_COUNT, until.number - firstNumber), atMs);
    if (this.#position.number === until.number) {
      this.#position = until;
      this.#bufferOffset = until.offset;
      this.#bufferLength = 0;
    }
    return { firstNumber, ...this.#writer.take(), atMs, end: { ...this.#position } };
  }

  #takeNotices(limit: number): void {
    for (;;) {
      const record = this.#options.journal.at(this.#position.notices);
      if (record?.offset !== this.#position.offset || this.#writer.count >= limit) return;
      this.#passRecord(record);
    }
  }

  #passRecord(record: NoticeRecord): void {
    const position = { ...this.#position, notices: this.#position.notices + 1 };
    if (record.entry !== undefined) {
      this.#writer.entry(record.entry);
      position.number++;
    }
    if (record.resumeAt !== undefined) {
      position.offset = record.resumeAt;
      this.#bufferOffset = record.resumeAt;
      this.#bufferLength = 0;
    }
    this.#position = position;
  }

  /** Entries whose bytes the spool no longer has keep their numbers. */
  #replaceLost(limit: number, atMs: number): void {
    const cut = this.#options.journal.cutAfter(this.#position.notices);
    if (cut === undefined) return;
    const lastNumber = this.#options.journal.at(cut)?.number ?? this.#position.number;
    while (this.#position.notices <= cut && this.#writer.count < limit) {
      let noticesLeft = 0;
      for (let index = this.#position.notices; index < cut; index++) {
        if (this.#options.journal.at(index)?.entry !== undefined) noticesLeft++;
      }
      if (lastNumber - this.#position.number > noticesLeft) {
        this.#fillIn(Math.min(limit - this.#writer.count, lastNumber - this.#position.number - noticesLeft), atMs);
      } else {
        const record = this.#options.journal.at(this.#position.notices);
        if (record === undefined) return;
        this.#passRecord(record);
      }
    }
  }

  #fillIn(count: number, atMs: number): void {
    const entry = { atMs, text: LOST_TEXT, status: "running", statusEvent: false, level: "warning", partial: false };
    for (let index = 0; index < count; index++) this.#writer.entry(entry);
    this.#position = { ...this.#position, number: this.#position.number + count };
  }

  #takeLines(limit: number, atMs: number): void {
    const { journal } = this.#options;
    const position = this.#position;
    const record = journal.at(position.notices);
    const bufferEnd = this.#bufferOffset + this.#bufferLength;
    const end = Math.min(bufferEnd, record?.offset ?? journal.barrier ?? Infinity);
    if (end <= position.offset) return;
    const chunk = this.#buffer.subarray(position.offset - this.#bufferOffset, end - this.#bufferOffset);
    const before = this.#writer.count;
    const consumed = cutLines({
      chunk,
      endsEntry: end === record?.offset,
      atMs,
      writer: this.#writer,
      maxEntries: limit,
      maxBytes: MAX_BATCH_BYTES,
    });
    this.#position = {
      ...position,
      number: position.number + this.#writer.count - before,
      offset: position.offset + consumed,
    };
  }

  /** Reads on into the buffer; when that is full now, it is larger the next time. */
  async #fill(): Promise<"nothing" | "some" | "full"> {
    const used = this.#position.offset - this.#bufferOffset;
    if (used > 0 || this.#bufferLength === 0) {
      this.#buffer.copyWithin(0, used, this.#bufferLength);
      this.#bufferLength = Math.max(0, this.#bufferLength - used);
      this.#bufferOffset = this.#position.offset;
    }
    const bytesRead = await this.#options.spool.read(this.#buffer, {
      at: this.#bufferLength,
      length: this.#buffer.length - this.#bufferLength,
      position: this.#bufferOffset + this.#bufferLength,
    });
    this.#bufferLength += bytesRead;
    if (bytesRead === 0) return "nothing";
    if (this.#bufferLength < this.#buffer.length) return "some";
    this.#grow();
    return "full";
  }

  #grow(): void {
    if (this.#buffer.length >= BUFFER_BYTES) return;
    const grown = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, this.#buffer.length * 4));
    this.#buffer.copy(grown, 0, 0, this.#bufferLength);
    this.#buffer = grown;
  }
}
