/** Processes that were started through others. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const DEADLINE_MS = 10_000;

/** The first child of a process, as soon as there is one; 0 when the process ended without. */
export async function childOf(pid: number): Promise<number> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const children = readChildren(pid);
    if (children === undefined) return 0;
    if (children[0] !== undefined) return children[0];
    await sleep(2);
  }
  return 0;
}

function readChildren(pid: number): number[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return undefined;
  }
}
