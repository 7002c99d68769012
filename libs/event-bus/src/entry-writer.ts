/**
 * Writes log entries in their wire form (message LogEntry as field 4 of LogBatch, proto/spell/v1/log.proto), straight
 * from bytes: a line of output is never made a string or an object on its way from the spool to the bus. Because the
 * field is repeated, bodies can be concatenated, and a header in front makes a complete LogBatch.
 */
import type { LogEntry } from "@spell/domain";

const RUNNING_FIELD = Buffer.from([0x1a, 7, ...Buffer.from("running")]);
/** Tag, time (at most 10 bytes), text tag and length, status, flags: never more than this besides text, status, level. */
const MAX_OVERHEAD_BYTES = 64;

/** Collects encoded entries; `take` gives them and starts anew. */
export class EntryWriter {
  #buffer: Buffer;
  #length = 0;
  #count = 0;
  #atMs = -1;
  #atField = Buffer.alloc(0);

  constructor(initialBytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  /** Entries since the last `take`. */
  get count(): number {
    return this.#count;
  }

  /** Encoded bytes since the last `take`. */
  get sizeBytes(): number {
    return this.#length;
  }

  /** A line of the user's program: the bytes of `source` from `start` to `end`, which must be valid UTF-8. */
  line(line: { source: Buffer; start: number; end: number; atMs: number; partial: boolean }): void {
    const { source, start, end } = line;
    const textBytes = end - start;
    if (line.atMs !== this.#atMs) this.#setTime(line.atMs);
    const at = this.#atField;
    const bodyBytes =
      at.length +
      (textBytes === 0 ? 0 : 1 + varintBytes(textBytes) + textBytes) +
      RUNNING_FIELD.length +
      (line.partial ? 2 : 0);
    this.#reserve(bodyBytes + MAX_OVERHEAD_BYTES);
    const buffer = this.#buffer;
    let position = this.#length;
    buffer[position++] = 0x22;
    position = writeVarint(buffer, position, bodyBytes);
    for (let index = 0; index < at.length; index++) buffer[position++] = at[index] ?? 0;
    if (textBytes > 0) {
      buffer[position++] = 0x12;
      position = writeVarint(buffer, position, textBytes);
      position += source.copy(buffer, position, start, end);
    }
    for (let index = 0; index < RUNNING_FIELD.length; index++) buffer[position++] = RUNNING_FIELD[index] ?? 0;
    if (line.partial) {
      buffer[position++] = 0x30;
      buffer[position++] = 1;
    }
    this.#length = position;
    this.#count++;
  }

  /** Any entry. */
  entry(entry: LogEntry): void {
    if (entry.atMs !== this.#atMs) this.#setTime(entry.atMs);
    const parts: Buffer[] = [this.#atField];
    pushString(parts, 0x12, entry.text);
    pushString(parts, 0x1a, entry.status);
    if (entry.statusEvent) parts.push(Buffer.from([0x20, 1]));
    pushString(parts, 0x2a, entry.level);
    if (entry.partial) parts.push(Buffer.from([0x30, 1]));
    const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#reserve(bodyBytes + MAX_OVERHEAD_BYTES);
    this.#buffer[this.#length++] = 0x22;
    this.#length = writeVarint(this.#buffer, this.#length, bodyBytes);
    for (const part of parts) this.#length += part.copy(this.#buffer, this.#length);
    this.#count++;
  }

  /** The encoded entries so far, in memory of their own; the writer is empty afterwards. */
  take(): { count: number; body: Buffer } {
    const taken = { count: this.#count, body: Buffer.from(this.#buffer.subarray(0, this.#length)) };
    this.#length = 0;
    this.#count = 0;
    return taken;
  }

  #setTime(atMs: number): void {
    this.#atMs = atMs;
    const field = Buffer.alloc(11);
    field[0] = 0x08;
    this.#atField = atMs > 0 ? field.subarray(0, writeVarint(field, 1, atMs)) : Buffer.alloc(0);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** The header of a LogBatch; followed by entry bodies it is the whole message. */
export function encodeBatchHeader(header: { runId: number; attempt: number; firstNumber: number }): Buffer {
  const buffer = Buffer.alloc(33);
  let position = 0;
  for (const [tag, value] of [
    [0x08, header.runId],
    [0x10, header.attempt],
    [0x18, header.firstNumber],
  ] as const) {
    if (value <= 0) continue;
    buffer[position++] = tag;
    position = writeVarint(buffer, position, value);
  }
  return buffer.subarray(0, position);
}

function pushString(parts: Buffer[], tag: number, text: string): void {
  if (text === "") return;
  const bytes = Buffer.from(text, "utf8");
  const head = Buffer.alloc(11);
  head[0] = tag;
  parts.push(head.subarray(0, writeVarint(head, 1, bytes.length)), bytes);
}

/** Bytes that `value` (a safe non-negative integer) takes as a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest /= 128) bytes++;
  return bytes;
}

function writeVarint(buffer: Buffer, at: number, value: number): number {
  let position = at;
  let rest = value;
  // Division keeps what the bit operators would cut off above 31 bits.
  for (; rest >= 0x8000_0000; rest = Math.floor(rest / 128)) buffer[position++] = (rest % 128) | 0x80;
  for (; rest >= 128; rest >>>= 7) buffer[position++] = (rest & 0x7f) | 0x80;
  buffer[position++] = rest;
  return position;
}
