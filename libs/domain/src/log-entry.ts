/** One entry of a run's log: a line of the user's program, or a notice of the system. */

export interface LogEntry {
  /** Unix time, milliseconds. */
  atMs: number;
  /** Without its newline; valid UTF-8. */
  text: string;
  /** Run status when it was written; user lines are `running`. */
  status: string;
  /** A change of status rather than a line of the user's program. */
  statusEvent: boolean;
  /** Empty for user lines; info, warning or error for notices. */
  level: string;
  /** The line goes on in the next entry. */
  partial: boolean;
}

/** Consecutive entries of one attempt; numbers count from 0 in each attempt. */
export interface LogBatch {
  runId: number;
  attempt: number;
  firstNumber: number;
  entries: LogEntry[];
}

/** A line longer than this many UTF-8 bytes is cut into several entries marked `partial`. */
export const MAX_ENTRY_BYTES = 256 * 1024;

/** A duration as users know it: `6.870837s`, `1m7.057677s`, `44h36m34.553059s`. */
export function formatDuration(ms: number): string {
  // Rounded first: 59.9999999 s are one minute, not `60s`.
  const totalMicroseconds = Math.round(Math.max(0, ms) * 1000);
  const hours = Math.floor(totalMicroseconds / 3_600_000_000);
  const minutes = Math.floor((totalMicroseconds % 3_600_000_000) / 60_000_000);
  const seconds = Number(((totalMicroseconds % 60_000_000) / 1_000_000).toFixed(6));
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}
