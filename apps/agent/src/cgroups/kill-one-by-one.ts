/** Ends everybody in a control group that has no file for it. */
import { writeIfThere } from "./files.ts";

/**
 * With the limit of processes at zero nobody can be made while the list is gone through, so what grows faster than it is ended does
 * not win. Without that controller the list is gone through until nobody new is in it.
 */
export function killOneByOne(group: { processes(): number[] }, pidsMax: string | undefined): void {
  if (pidsMax !== undefined) writeIfThere(pidsMax, "0");
  const seen = new Set<number>();
  for (;;) {
    const fresh = group.processes().filter((pid) => !seen.has(pid));
    if (fresh.length === 0) return;
    for (const pid of fresh) {
      seen.add(pid);
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended in between.
      }
    }
  }
}
