/**
 * The points that a run has sent: `metrics.jsonl`, a line for each, appended before the run is answered. A point's number is that
 * of its line, from 0. Points from a stream carry their sender and its own count of them: it may send them again, and the line
 * tells whether they are here, also after a crash. Like the log's spool it is written for a later life of this agent, not for a power cut: nothing is synced.
 */
import { appendFileSync, ftruncateSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { SpellError, messageOf } from "@spell/domain";
import type { SentPoint } from "./metric-body.ts";

export interface SpooledPoint {
  name: string;
  /** Unix time in microseconds; grows from point to point. */
  atUs: number;
  index: number;
  value: number | string;
}

/** Which point of a sender's stream this is. */
export interface StreamPlace {
  sender: string;
  /** From 0. */
  number: number;
}

/** A place between two points. */
export interface SpoolPosition {
  /** Points before it. */
  number: number;
  /** Bytes before it. */
  offset: number;
}

/** A line. */
type SpoolRow = [atUs: number, index: number, name: string, value: number | string, sender?: string, number?: number];

export const SPOOL_START: SpoolPosition = { number: 0, offset: 0 };

/** More would make every listing of them useless, and this agent's memory large. */
const MAX_METRICS = 1_000;
/** A thousand a second for three hours; more is a mistake that would fill the record. */
const MAX_POINTS = 10_000_000;
const TOO_MANY_METRICS = `This run has ${MAX_METRICS} metrics already: put what varies into the value or the index, not the name.`;
const TOO_MANY_POINTS = `This run has sent ${MAX_POINTS} points already, and more are not kept.`;
/** Whoever has sent nothing for so many others is not expected to send anything again. */
const MAX_SENDERS = 10_000;
/** Longer than any line. */
const READ_BYTES = 256 * 1024;

export class MetricSpool {
  readonly #file: FileHandle;
  readonly #lastIndex = new Map<string, number>();
  /** Of each sender the number that comes next. */
  readonly #senders = new Map<string, number>();
  #end = SPOOL_START;
  #lastAtUs = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens or makes the file. A line that a crash left unfinished was answered to nobody and is cut off. */
  static async open(path: string): Promise<MetricSpool> {
    const file = await open(path, "a+", 0o600);
    try {
      const spool = new MetricSpool(file);
      await spool.#recover();
      return spool;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many points there are. */
  get count(): number {
    return this.#end.number;
  }

  /** How many of its points a sender need not send again. */
  received(sender: string): number {
    return this.#senders.get(sender) ?? 0;
  }

  /**
   * Writes points down, in one go. Gives why the first of those was refused that are too many; the others are written. Throws
   * `unavailable` when the disk takes none.
   */
  append(points: readonly (SentPoint & { place?: StreamPlace })[], nowMs: number): SpellError | undefined {
    const indices = new Map<string, number>();
    const rows: SpoolRow[] = [];
    let refusal: SpellError | undefined;
    let newNames = 0;
    let atUs = Math.max(Math.round(nowMs * 1_000), this.#lastAtUs + 1);
    for (const { name, index: wanted, value, place } of points) {
      const last = indices.get(name) ?? this.#lastIndex.get(name);
      if (last === undefined && this.#lastIndex.size + newNames >= MAX_METRICS) {
        refusal ??= full(TOO_MANY_METRICS);
        continue;
      }
      if (this.count + rows.length >= MAX_POINTS) {
        refusal ??= full(TOO_MANY_POINTS);
        break;
      }
      if (last === undefined) newNames += 1;
      const index = wanted ?? (last ?? -1) + 1;
      indices.set(name, index);
      const row: SpoolRow = [atUs, index, name, value];
      if (place !== undefined) row.push(place.sender, place.number);
      rows.push(row);
      atUs += 1;
    }
    this.#write(rows);
    return refusal;
  }

  /** Some points from a place on; none at the end. */
  async read(from: SpoolPosition): Promise<{ points: SpooledPoint[]; end: SpoolPosition }> {
    const lines = await this.#lines(from.offset);
    const points = parseRows(lines).map(([atUs, index, name, value]) => ({ atUs, index, name, value }));
    return { points, end: { number: from.number + points.length, offset: from.offset + lines.length } };
  }

  /** The place before the point of this number, or the end when there are fewer. */
  async seek(number: number): Promise<SpoolPosition> {
    let at = SPOOL_START;
    while (at.number < number) {
      const lines = await this.#lines(at.offset);
      if (lines.length === 0) break;
      for (let end = 0; end < lines.length && at.number < number;) {
        const next = lines.indexOf(0x0a, end) + 1;
        at = { number: at.number + 1, offset: at.offset + next - end };
        end = next;
      }
    }
    return at;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  #write(rows: readonly SpoolRow[]): void {
    if (rows.length === 0) return;
    const lines = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    try {
      // At once: lines of this size cost less than handing them to another thread.
      appendFileSync(this.#file.fd, lines);
    } catch (error) {
      ftruncateSync(this.#file.fd, this.#end.offset);
      throw new SpellError("unavailable", `The agent cannot keep this metric: ${messageOf(error)}.`, { cause: error });
    }
    for (const row of rows) this.#count(row);
    this.#end = { number: this.#end.number + rows.length, offset: this.#end.offset + lines.length };
  }

  async #recover(): Promise<void> {
    for (;;) {
      const lines = await this.#lines(this.#end.offset);
      if (lines.length === 0) break;
      const end = this.#end.offset + lines.length;
      const rows = parseRows(lines);
      for (const row of rows) this.#count(row);
      this.#end = { number: this.#end.number + rows.length, offset: end };
    }
    await this.#file.truncate(this.#end.offset);
  }

  #count([atUs, index, name, , sender, number]: SpoolRow): void {
    this.#lastIndex.set(name, index);
    this.#lastAtUs = atUs;
    if (sender === undefined || number === undefined) return;
    this.#senders.delete(sender);
    this.#senders.set(sender, number + 1);
    for (const oldest of this.#senders.keys()) {
      if (this.#senders.size <= MAX_SENDERS) break;
      this.#senders.delete(oldest);
    }
  }

  /** The whole lines that begin here, as many as are read at once. */
  async #lines(offset: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, offset);
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1);
  }
}

function parseRows(lines: Buffer): SpoolRow[] {
  if (lines.length === 0) return [];
  const text = lines.toString("utf8", 0, lines.length - 1).replaceAll("\n", ",");
  return JSON.parse(`[${text}]`) as SpoolRow[];
}

function full(sentence: string): SpellError {
  return new SpellError("exhausted", sentence, { reason: "too-many-metrics" });
}
