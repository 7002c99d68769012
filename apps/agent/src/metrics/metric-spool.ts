/**
 * The points that a run has sent: `metrics.jsonl`, a line for each, appended before the run is answered. A point's number is that
 * of its line, from 0. Like the log's spool it is written for a later life of this agent, not for a power cut: nothing is synced.
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

/** A place between two points. */
export interface SpoolPosition {
  /** Points before it. */
  number: number;
  /** Bytes before it. */
  offset: number;
}

export const SPOOL_START: SpoolPosition = { number: 0, offset: 0 };

/** More would make every listing of them useless, and this agent's memory large. */
const MAX_METRICS = 1_000;
/** A thousand a second for three hours; more is a mistake that would fill the record. */
const MAX_POINTS = 10_000_000;
/** Longer than any line. */
const READ_BYTES = 256 * 1024;

export class MetricSpool {
  readonly #file: FileHandle;
  readonly #lastIndex = new Map<string, number>();
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

  /** Writes a point down. Throws `exhausted` when there are too many, or no room on the disk. */
  append(point: SentPoint, nowMs: number): void {
    const { name, value } = point;
    const last = this.#lastIndex.get(name);
    if (last === undefined && this.#lastIndex.size >= MAX_METRICS) {
      throw full(
        `This run has ${MAX_METRICS} metrics already: put what varies into the value or the index, not the name.`,
      );
    }
    if (this.count >= MAX_POINTS) throw full(`This run has sent ${MAX_POINTS} points already, and more are not kept.`);
    const index = point.index ?? (last ?? -1) + 1;
    const atUs = Math.max(Math.round(nowMs * 1_000), this.#lastAtUs + 1);
    const line = Buffer.from(`${JSON.stringify([atUs, index, name, value])}\n`);
    try {
      // At once: a line of this size costs less than handing it to another thread.
      appendFileSync(this.#file.fd, line);
    } catch (error) {
      ftruncateSync(this.#file.fd, this.#end.offset);
      throw new SpellError("unavailable", `The agent cannot keep this metric: ${messageOf(error)}.`, { cause: error });
    }
    this.#count({ name, atUs, index, value }, line.length);
  }

  /** Some points from a place on; none at the end. */
  async read(from: SpoolPosition): Promise<{ points: SpooledPoint[]; end: SpoolPosition }> {
    const lines = await this.#lines(from.offset);
    const points = parseLines(lines);
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

  async #recover(): Promise<void> {
    for (;;) {
      const lines = await this.#lines(this.#end.offset);
      if (lines.length === 0) break;
      const end = this.#end.offset + lines.length;
      for (const point of parseLines(lines)) this.#count(point, 0);
      this.#end = { number: this.#end.number, offset: end };
    }
    await this.#file.truncate(this.#end.offset);
  }

  #count({ name, atUs, index }: SpooledPoint, sizeBytes: number): void {
    this.#lastIndex.set(name, index);
    this.#lastAtUs = atUs;
    this.#end = { number: this.#end.number + 1, offset: this.#end.offset + sizeBytes };
  }

  /** The whole lines that begin here, as many as are read at once. */
  async #lines(offset: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, offset);
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1);
  }
}

function parseLines(lines: Buffer): SpooledPoint[] {
  if (lines.length === 0) return [];
  const text = lines.toString("utf8", 0, lines.length - 1).replaceAll("\n", ",");
  const rows = JSON.parse(`[${text}]`) as [number, number, string, number | string][];
  return rows.map(([atUs, index, name, value]) => ({ atUs, index, name, value }));
}

function full(sentence: string): SpellError {
  return new SpellError("exhausted", sentence, { reason: "too-many-metrics" });
}
