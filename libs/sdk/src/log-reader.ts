/**
 * Reads a run's log across lost connections. The coordinator numbers the entries and says after each message where
 * to go on, so a reader that resumes there gets every entry once, whatever was restarted in between.
 */
import type { LogEntry } from "@spell/domain";
import type { Connection } from "./connection.ts";
import type { ResumingOptions } from "./resuming-stream.ts";
import { resumingStream } from "./resuming-stream.ts";

export interface LogOptions extends ResumingOptions {
  /** Index of the first entry; negative: that many from the end. Default 0. */
  offset?: number;
}

/** The entries in order. */
export async function* readLog(
  connection: Connection,
  runId: number,
  options: LogOptions = {},
): AsyncGenerator<LogEntry, void, undefined> {
  const { follow = false, signal } = options;
  let offset = options.offset ?? 0;
  const method = connection.runs.streamLogs.bind(connection.runs);
  const open = () => connection.stream(method, { runId, offset, follow }, { signal });
  for await (const message of resumingStream(connection, open, options)) {
    // Before the entries are handed out: a reader may leave in the middle, a stream may not be resumed there.
    offset = message.nextOffset;
    yield* message.entries;
  }
}
