/** Takes the control group of a run away. */
import { setTimeout as delay } from "node:timers/promises";
import type { Cgroup } from "../../cgroups/cgroup.ts";

const LIMIT_MS = 1_000;

/** A process that has just ended is counted for a moment yet. One that does not end keeps its group, which a later agent sweeps. */
export async function removeGroup(cgroup: Cgroup | undefined): Promise<void> {
  if (cgroup === undefined) return;
  const deadline = Date.now() + LIMIT_MS;
  for (let pauseMs = 1; !cgroup.remove() && Date.now() < deadline; pauseMs *= 2) await delay(pauseMs);
}
