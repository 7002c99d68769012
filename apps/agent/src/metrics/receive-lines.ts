/**
 * A request whose body is a stream of points, a line each: they are taken while they arrive, so what a process has written is kept
 * whatever becomes of it, and nobody waits for the answer to every single one. Reading pauses between two batches: a run that sends
 * ten thousand points a second must not wake this machine ten thousand times.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { SpellError, invalidInput } from "@spell/domain";
import type { StreamPlace } from "./metric-spool.ts";

export interface LineTaker {
  /** Gives why the first point that was refused was. Throws a SpellError when none could be taken. */
  postLines(lines: readonly string[], place: StreamPlace): SpellError | undefined;
}

interface LineReceiver {
  /** Of the first line. */
  place: StreamPlace;
  taker: LineTaker;
  /** Called once, unless the sender is gone: what was wrong first, and the number of the line that comes next. */
  answer(problem: SpellError | undefined, next: number): void;
}

export const LINES = "application/x-ndjson";

/** The longest text, escaped to the last character, and all around it. */
export const MAX_POINT_BYTES = 64 * 1024;
const PAUSE_MS = 5;
/** A stream without news is answered: its sender learns what became of the last points, and holds nothing of ours. */
const IDLE_MS = 1_000;

/** Which point the first line is; undefined when the headers do not say. */
export function streamPlace(headers: IncomingHttpHeaders): StreamPlace | undefined {
  const { "spell-sender": sender, "spell-first": first } = headers;
  if (typeof sender !== "string" || !/^[0-9a-f]{16}$/.test(sender)) return undefined;
  if (typeof first !== "string" || !/^\d{1,15}$/.test(first)) return undefined;
  return { sender, number: Number(first) };
}

/** Resolves once nothing more comes. */
export function receiveLines(request: IncomingMessage, receiver: LineReceiver): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const batch = new LineBatch(receiver);
  let isOver = false;
  const end = (): void => {
    isOver = true;
    clearTimeout(idle);
    resolve(undefined);
  };
  const finish = (): void => {
    if (isOver) return;
    end();
    receiver.answer(batch.problem, batch.next);
  };
  const idle = setTimeout(finish, IDLE_MS);
  let isPlanned = false;
  const take = (): void => {
    isPlanned = false;
    if (isOver) return;
    batch.take();
    if (batch.isBroken) return finish();
    request.pause();
    setTimeout(() => request.resume(), PAUSE_MS);
  };
  request.on("data", (part: Buffer) => {
    if (isOver) return;
    batch.add(part);
    idle.refresh();
    if (isPlanned) return;
    isPlanned = true;
    // All chunks that were read at once become one batch.
    setImmediate(take);
  });
  request.on("end", () => {
    if (!isOver) batch.take();
    finish();
  });
  // The sender is gone; what it had written is here.
  request.on("close", () => {
    if (isOver) return;
    batch.take();
    end();
  });
  return promise;
}

/** Lines that have arrived and are not taken yet. */
class LineBatch {
  readonly #receiver: LineReceiver;
  #parts: Buffer[] = [];
  next: number;
  problem: SpellError | undefined;

  constructor(receiver: LineReceiver) {
    this.#receiver = receiver;
    this.next = receiver.place.number;
  }

  /** Nothing can be taken any more. */
  isBroken = false;

  add(part: Buffer): void {
    this.#parts.push(part);
  }

  take(): void {
    const bytes = Buffer.concat(this.#parts);
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#parts = end < bytes.length ? [bytes.subarray(end)] : [];
    if (bytes.length - end > MAX_POINT_BYTES) {
      this.problem ??= invalidInput(`A metric has at most ${MAX_POINT_BYTES} bytes.`, "too-large");
      this.isBroken = true;
    }
    if (end === 0) return;
    const lines = bytes.toString("utf8", 0, end - 1).split("\n");
    try {
      const refusal = this.#receiver.taker.postLines(lines, { ...this.#receiver.place, number: this.next });
      this.problem ??= refusal;
    } catch (error) {
      if (!(error instanceof SpellError)) throw error;
      this.problem ??= error;
    }
    this.next += lines.length;
  }
}
