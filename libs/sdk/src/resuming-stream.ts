/**
 * Reads a server stream across lost connections: it is opened again, from wherever its reader stands by then, until its last
 * message has come. While following, an absent coordinator is waited for without end once it has answered.
 */
import { setTimeout as delay } from "node:timers/promises";
import { SpellError } from "@spell/domain";
import { isUnavailable } from "@spell/rpc";
import type { Connection } from "./connection.ts";

export interface ResumingOptions {
  /** Go on until the run has ended. Default: what there is now. */
  follow?: boolean;
  /** Ends the reading; it then fails with `unavailable`, reason `cancelled`. */
  signal?: AbortSignal;
  /** Called when the connection was lost and is being sought again, and when it is back. */
  onConnection?: (state: "lost" | "back") => void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** The messages in order. A reader notes where it stands before it asks for the next one: `open` may be called in between. */
export async function* resumingStream<Message extends { finished: boolean }>(
  connection: Connection,
  open: () => AsyncIterable<Message>,
  options: ResumingOptions,
): AsyncGenerator<Message, void, undefined> {
  const { follow = false, signal, onConnection } = options;
  let pauseMs = FIRST_PAUSE_MS;
  let lostAt: number | undefined;
  for (;;) {
    try {
      for await (const message of open()) {
        if (lostAt !== undefined) onConnection?.("back");
        lostAt = undefined;
        pauseMs = FIRST_PAUSE_MS;
        yield message;
        if (message.finished) return;
      }
      if (!follow) return;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const patienceMs = follow && connection.answered ? Number.POSITIVE_INFINITY : connection.patienceMs;
      if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error;
      if (patienceMs <= 0) throw error;
    }
    if (lostAt === undefined) {
      lostAt = Date.now();
      onConnection?.("lost");
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, connection.longestPauseMs ?? LONGEST_PAUSE_MS);
  }
}

async function pause(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    // Spread out, so that thousands of readers do not come back in the same instant.
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal });
  } catch (error) {
    throw new SpellError("unavailable", "The call was cancelled.", { reason: "cancelled", cause: error });
  }
}
