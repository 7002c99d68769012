/** Starts a process of a run inside of its limits. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Cgroup } from "../../cgroups/cgroup.ts";

/** The kernel's score of a process, in thousandths of the machine's memory: runs go before whatever else is on the machine. */
const OF_RUNS = "500";
/** The agent is among the last to go. Root's alone to ask for. */
const OF_AGENT = "-500";
const FILE = "/proc/self/oom_score_adj";

/** Whether the command must be held back until its process was taken into the group. */
export function needsGate(cgroup: Cgroup | undefined): boolean {
  return cgroup !== undefined && !cgroup.bears;
}

/** `start` must start it synchronously. What it inherits is this process's own for a moment. */
export function spawnLimited<T>(cgroup: Cgroup | undefined, start: () => T): T {
  const own = score();
  setScore(OF_RUNS);
  try {
    return cgroup === undefined ? start() : cgroup.spawn(start);
  } finally {
    if (own !== undefined) setScore(own);
  }
}

/** Makes the kernel end others first when the machine is out of memory. */
export function outliveRuns(): void {
  setScore(OF_AGENT);
}

function score(): string | undefined {
  try {
    return readFileSync(FILE, "latin1");
  } catch {
    return undefined;
  }
}

function setScore(value: string): void {
  try {
    writeFileSync(FILE, value);
  } catch {
    // Another system than Linux, or one that does not let us.
  }
}
