/**
 * Reads a run's log across lost connections. The coordinator numbers the entries and says after each message where
 * to go on, so a reader that resumes there gets every entry once, whatever was restarted in between.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { LogEntry } from "@spell/domain";
import { SpellError } from "@spell/domain";
import { isUnavailable } from "@spell/rpc";
import type { Connection } from "./connection.ts";

export interface LogOptions {
  /** Go on until the run has ended. Default: what there is now. */
  follow?: boolean;
  /** Index of the first entry; negative: that many from the end. Default 0. */
  offset?: number;
  /** Ends the reading; it then fails with `unavailable`, reason `cancelled`. */
  signal?: AbortSignal;
  /** Called when the connection was lost and is being sought again, and when it is back. */
  onConnection?: (state: "lost" | "back") => void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** The entries in order. While following, an absent coordinator is waited for without end once it has answered. */
export async function* readLog(
  connection: Connection,
  runId: number,
  options: LogOptions = {},
): AsyncGenerator<LogEntry, void, undefined> {
  const { follow = false, signal, onConnection } = options;
  let offset = options.offset ?? 0;
  let pauseMs = FIRST_PAUSE_MS;
  let lostAt: number | undefined;
  for (;;) {
    try {
      const request = { runId, offset, follow };
      for await (const message of connection.stream(connection.runs.streamLogs.bind(connection.runs), request, {
        signal,
      })) {
        if (lostAt !== undefined) onConnection?.("back");
        lostAt = undefined;
        pauseMs = FIRST_PAUSE_MS;
        // Before the entries are handed out: a reader may leave in the middle, a stream may not be resumed there.
        offset = message.nextOffset;
        yield* message.entries;
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
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
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
