/** Reads what a run uses of its machine, across lost connections: a sample is of its moment, so none is asked for again. */
import type { RunStats } from "@spell/rpc";
import type { Connection } from "./connection.ts";
import type { ResumingOptions } from "./resuming-stream.ts";
import { resumingStream } from "./resuming-stream.ts";

export interface StatsOptions extends ResumingOptions {
  /** Called at the end when the run is not running: that it has not begun, or how it ended. */
  onNotRunning?: (message: string) => void;
}

/** The samples as they come. */
export async function* readStats(
  connection: Connection,
  runId: number,
  options: StatsOptions = {},
): AsyncGenerator<RunStats, void, undefined> {
  const { follow = false, signal, onNotRunning } = options;
  const method = connection.stats.streamStats.bind(connection.stats);
  const open = () => connection.stream(method, { runId, follow }, { signal });
  for await (const { stats, message } of resumingStream(connection, open, options)) {
    if (stats !== undefined) yield stats;
    if (message !== "") onNotRunning?.(message);
  }
}
