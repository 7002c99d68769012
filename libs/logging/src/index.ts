/** Structured logs of our own processes: JSON lines, one constant phrase each, facts as fields. User output never goes here. */
import { pino } from "pino";
import type { Logger } from "pino";

export type { Logger } from "pino";

/** A logger for one process; writes to standard error. Level: trace, debug, info, warn or error. */
export function createLogger(options: { name: string; level: string }): Logger {
  return pino(
    { name: options.name, level: options.level, base: { pid: process.pid } },
    pino.destination({ fd: 2, sync: true }),
  );
}
