/** The name of this boot of the machine. */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

let known: string | undefined;

/** Changes when the machine is restarted: processes of another boot are gone. */
export function bootId(): string {
  known ??= read();
  return known;
}

function read(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // Not Linux: the minute in which the machine started, as far as the clock tells.
    return `started ${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
