/**
 * The notices of an attempt and where each stands among the lines: `notices.jsonl`, one record a line, each written before
 * anything after it is numbered. Together with the spool it determines the whole sequence of entries. Like the spool it is
 * written for a later life of this agent, not for a power cut, after which the attempt is over anyway: nothing is synced.
 */
import { appendFileSync, ftruncateSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { LogEntry } from "@spell/domain";

/** Something at a place in the spool. A record ends the line before it, also when that has no newline. */
export interface NoticeRecord {
  /** Spool bytes before it. */
  offset: number;
  /** The notice; absent: only the end of a last line without newline. */
  entry?: LogEntry;
  /** The spool was cut; after this record it is read from here. */
  resumeAt?: number;
  /** With `resumeAt`: number of the entry that this record's notice is. */
  number?: number;
}

export class NoticeJournal {
  readonly #file: FileHandle;
  readonly #records: NoticeRecord[];
  #sizeBytes: number;
  /** Spool offset at which a notice is being written: nothing beyond it may be numbered yet. */
  barrier: number | undefined;

  private constructor(file: FileHandle, records: NoticeRecord[], sizeBytes: number) {
    this.#file = file;
    this.#records = records;
    this.#sizeBytes = sizeBytes;
  }

  /** Opens or makes the journal. A record that a crash left unfinished was never numbered and is cut off. */
  static async open(path: string): Promise<NoticeJournal> {
    const file = await open(path, "a+", 0o600);
    try {
      const text = await file.readFile("utf8");
      const records: NoticeRecord[] = [];
      let sizeBytes = 0;
      for (const line of text.split("\n").slice(0, -1)) {
        const record = parseRecord(line);
        if (record === undefined) break;
        records.push(record);
        sizeBytes += Buffer.byteLength(line) + 1;
      }
      await file.truncate(sizeBytes);
      return new NoticeJournal(file, records, sizeBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get length(): number {
    return this.#records.length;
  }

  at(index: number): NoticeRecord | undefined {
    return this.#records[index];
  }

  last(): NoticeRecord | undefined {
    return this.#records.at(-1);
  }

  /** Whether a notice with this status and text is in it. */
  has({ status, text }: Pick<LogEntry, "status" | "text">): boolean {
    return this.#records.some(({ entry }) => entry?.status === status && entry.text === text);
  }

  /** How many notices stand at or after this index. */
  entriesFrom(index: number): number {
    return this.#records.slice(index).filter((record) => record.entry !== undefined).length;
  }

  /** Index of the first record from `index` on after which the spool starts anew; undefined when there is none. */
  cutAfter(index: number): number | undefined {
    const found = this.#records.findIndex((record, place) => place >= index && record.resumeAt !== undefined);
    return found < 0 ? undefined : found;
  }

  /** Writes the record, then counts it in. On an error nothing of it stays. */
  append(record: NoticeRecord): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      // At once: a line of this size costs less than handing it to another thread.
      appendFileSync(this.#file.fd, line);
    } catch (error) {
      ftruncateSync(this.#file.fd, this.#sizeBytes);
      throw error;
    }
    this.#sizeBytes += line.length;
    this.#records.push(record);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }
}

function parseRecord(line: string): NoticeRecord | undefined {
  try {
    const record = JSON.parse(line) as NoticeRecord;
    return Number.isSafeInteger(record.offset) ? record : undefined;
  } catch {
    return undefined;
  }
}
