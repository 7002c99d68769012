/**
 * Log batches as bytes and back: the wire form of message LogBatch (proto/spell/v1/log.proto), written by hand because
 * each line of output passes here. Decoding trusts nothing: whatever the bytes, it gives a batch or one error.
 */
import { SpellError } from "@spell/domain";
import type { LogBatch, LogEntry } from "@spell/domain";
import { EntryWriter, encodeBatchHeader } from "./entry-writer.ts";

/** More entries than this in one batch are refused: tiny entries would take far more memory than their bytes. */
export const MAX_BATCH_ENTRIES = 131_072;

const RUNNING = Buffer.from("running");

/** The wire form of a batch. */
export function encodeLogBatch(batch: LogBatch): Buffer {
  const writer = new EntryWriter(4096);
  for (const entry of batch.entries) writer.entry(entry);
  return Buffer.concat([encodeBatchHeader(batch), writer.take().body]);
}

/** The batch in these bytes. Throws `data-loss` when they are none; unknown fields are skipped. */
export function decodeLogBatch(bytes: Uint8Array): LogBatch {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor = new Cursor(buffer);
  const batch: LogBatch = { runId: 0, attempt: 0, firstNumber: 0, entries: [] };
  while (cursor.position < buffer.length) {
    const tag = cursor.varint();
    if (tag === 0x22) {
      if (batch.entries.length >= MAX_BATCH_ENTRIES) throw malformed(`more than ${MAX_BATCH_ENTRIES} entries`);
      const end = cursor.end(buffer.length);
      batch.entries.push(decodeEntry(cursor, end));
    } else if (tag === 0x08) batch.runId = cursor.varint();
    else if (tag === 0x10) batch.attempt = cursor.varint();
    else if (tag === 0x18) batch.firstNumber = cursor.varint();
    else cursor.skip(tag, buffer.length);
  }
  return batch;
}

function decodeEntry(cursor: Cursor, end: number): LogEntry {
  const entry: LogEntry = { atMs: 0, text: "", status: "", statusEvent: false, level: "", partial: false };
  while (cursor.position < end) {
    const tag = cursor.varint();
    if (tag === 0x08) entry.atMs = cursor.varint();
    else if (tag === 0x12) entry.text = cursor.text(end);
    else if (tag === 0x1a) entry.status = cursor.status(end);
    else if (tag === 0x20) entry.statusEvent = cursor.varint() !== 0;
    else if (tag === 0x2a) entry.level = cursor.text(end);
    else if (tag === 0x30) entry.partial = cursor.varint() !== 0;
    else cursor.skip(tag, end);
  }
  if (cursor.position !== end) throw malformed("an entry is longer than it says");
  return entry;
}

/** A place in the bytes; each read moves it and checks the bounds. */
class Cursor {
  position = 0;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.#buffer[this.position++];
      if (byte === undefined) throw malformed("it ends within a number");
      value += (byte & 0x7f) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw malformed("a number is too large");
  }

  /** Reads a length and gives where the thing of that length ends. */
  end(limit: number): number {
    const length = this.varint();
    const end = this.position + length;
    if (end > limit) throw malformed("a length points outside");
    return end;
  }

  text(limit: number): string {
    const end = this.end(limit);
    const start = this.position;
    this.position = end;
    return this.#buffer.toString("utf8", start, end);
  }

  status(limit: number): string {
    const end = this.end(limit);
    const start = this.position;
    this.position = end;
    if (end - start === RUNNING.length && RUNNING.compare(this.#buffer, start, end) === 0) return "running";
    return this.#buffer.toString("utf8", start, end);
  }

  skip(tag: number, limit: number): void {
    const type = tag & 7;
    if (tag >>> 3 === 0) throw malformed("a field has the number 0");
    if (type === 0) this.varint();
    else if (type === 1) this.position += 8;
    else if (type === 2) this.position = this.end(limit);
    else if (type === 5) this.position += 4;
    else throw malformed(`a field has the unknown type ${type}`);
    if (this.position > limit) throw malformed("a field points outside");
  }
}

function malformed(why: string): SpellError {
  return new SpellError("data-loss", `These bytes are not a log batch: ${why}.`, { reason: "malformed-log-batch" });
}
