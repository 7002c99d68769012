/** Tells a process from a later one of the same number. */
import { readFileSync } from "node:fs";

/**
 * When the process started, in clock ticks since the boot; undefined when there is none of this number, or one that has ended
 * and is only waited for (in containers nobody may ever do that).
 */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything; fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}
