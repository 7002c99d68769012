/** Cuts a batch into pieces that fit a message, always at the same places, so that a repeat is known as one. */
import { SpellError } from "@spell/domain";
import type { LogBatch } from "@spell/domain";
import { EntryWriter } from "./entry-writer.ts";
import type { EncodedLogBatch } from "./event-bus.ts";

/** The encoded entries of one message never exceed this, except for a single entry that does by itself. */
export const MAX_BODY_BYTES = 512 * 1024;

/** A single entry above this is refused: it would come near the server's largest message. */
const MAX_SINGLE_BYTES = 4 * 1024 * 1024;

/** The batch as one or more encoded ones. Throws `invalid-input` for an entry above 4 MiB. */
export function encodeInPieces(batch: LogBatch): EncodedLogBatch[] {
  const pieces: EncodedLogBatch[] = [];
  const single = new EntryWriter(4096);
  let first = batch.firstNumber;
  let bodies: Buffer[] = [];
  let sizeBytes = 0;
  const flush = (): void => {
    if (bodies.length === 0) return;
    const { runId, attempt } = batch;
    pieces.push({ runId, attempt, firstNumber: first, count: bodies.length, body: Buffer.concat(bodies) });
    first += bodies.length;
    bodies = [];
    sizeBytes = 0;
  };
  for (const entry of batch.entries) {
    single.entry(entry);
    const { body } = single.take();
    if (body.length > MAX_SINGLE_BYTES) {
      throw new SpellError("invalid-input", `A log entry of ${body.length} bytes is too long to publish: cut it.`);
    }
    if (sizeBytes + body.length > MAX_BODY_BYTES) flush();
    bodies.push(body);
    sizeBytes += body.length;
  }
  flush();
  return pieces;
}
