/** What the measurements do with runs of the farm. */
import { FINAL_STATUSES } from "@spell/sdk";
import type { Run, RunRequest } from "@spell/sdk";
import type { Bench } from "./measurement.ts";

/** Waits until the run is known to have ended. Throws unless it is complete. */
export async function untilComplete(run: Run, signal: AbortSignal): Promise<void> {
  await run.waitStatuses(FINAL_STATUSES, { signal });
  if (run.status !== "complete") throw new Error(`run ${run.id} is ${run.status}: ${run.reason}`);
}

/** Launches a run and waits for its end. Throws unless it is complete. */
export async function runToItsEnd({ farm, signal }: Bench, request: RunRequest): Promise<Run> {
  const run = await farm.client.runs.create(request, { signal });
  await untilComplete(run, signal);
  return run;
}

/** The lines that the command itself printed. */
export async function linesOf(run: Run, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text, level, statusEvent } of run.logs({ signal })) {
    if (level === "" && !statusEvent) lines.push(text);
  }
  return lines;
}

/** Until compilers and caches on both sides have seen the path. */
export async function warmUp(bench: Bench): Promise<void> {
  for (let count = bench.samples(20); count > 0; count -= 1) await runToItsEnd(bench, { command: "true" });
}
