/**
 * Cuts output into entries. What comes out depends only on the bytes from the given start, never on how they were read:
 * two readers of the same spool cut the same entries, so they give them the same numbers.
 *
 * A line ends at "\n". "\r" is text like any other, also before "\n": progress bars use it, and the reader decides what
 * to do with it. Bytes that are not UTF-8 become U+FFFD. A line above MAX_ENTRY_BYTES goes on in further entries, cut
 * between characters; all but the last are marked `partial`.
 */
import { isUtf8 } from "node:buffer";
import { MAX_ENTRY_BYTES } from "@spell/domain";
import type { EntryWriter } from "@spell/event-bus";

/** U+FFFD takes three bytes: a text of so many bad bytes still fits an entry. */
const MAX_INVALID_BYTES = Math.floor(MAX_ENTRY_BYTES / 3);
const NEWLINE = 0x0a;

export interface CutOptions {
  /** Output from the start of an entry on. */
  chunk: Buffer;
  /** The chunk's end is the end of an entry even without a newline. */
  endsEntry: boolean;
  atMs: number;
  writer: EntryWriter;
  maxEntries: number;
  /** No further entry is begun once the writer holds so many bytes. */
  maxBytes: number;
}

/** Writes the complete entries at the front of the chunk; returns how many bytes of it they took. */
export function cutLines(options: CutOptions): number {
  const { chunk, endsEntry, atMs, writer, maxEntries, maxBytes } = options;
  const lastNewline = chunk.lastIndexOf(NEWLINE);
  const linesAreValid = lastNewline >= 0 && isUtf8(chunk.subarray(0, lastNewline));
  let start = 0;
  while (start < chunk.length && writer.count < maxEntries && writer.sizeBytes < maxBytes) {
    const newline = start <= lastNewline ? chunk.indexOf(NEWLINE, start) : -1;
    const whole = newline >= 0 && newline - start <= MAX_ENTRY_BYTES;
    let end: number;
    let partial = false;
    if (whole) {
      end = newline;
    } else if (chunk.length - start > MAX_ENTRY_BYTES) {
      end = characterBoundary(chunk, start + MAX_ENTRY_BYTES);
      partial = true;
    } else if (endsEntry) {
      end = chunk.length;
    } else {
      break;
    }
    let next = whole ? end + 1 : end;
    const valid = (linesAreValid && end <= lastNewline) || isUtf8(chunk.subarray(start, end));
    if (valid) {
      writer.line({ source: chunk, start, end, atMs, partial });
    } else {
      if (end - start > MAX_INVALID_BYTES) {
        end = characterBoundary(chunk, start + MAX_INVALID_BYTES);
        next = end;
        partial = true;
      }
      const text = Buffer.from(chunk.toString("utf8", start, end));
      writer.line({ source: text, start: 0, end: text.length, atMs, partial });
    }
    start = next;
  }
  return start;
}

/** The nearest place at or before `at` where a character begins; `at` itself within bytes that are no characters. */
function characterBoundary(chunk: Buffer, at: number): number {
  for (let back = 0; back < 4; back++) {
    if (((chunk[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}
