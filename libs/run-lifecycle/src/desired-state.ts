/** What an agent should be doing, from the record alone. Pure. */
import type { RunRecord } from "@spell/run-store";
import { attemptKey } from "./agent-sessions.ts";

export interface DesiredAttempt {
  run: RunRecord;
  action: "run" | "stop" | "kill";
  /** The agent has not reported the attempt yet: it needs to be told what to run. */
  withSpec: boolean;
}

/**
 * The agent ran this attempt once and no longer has it: its folder was removed, or somebody interrupted what ran. Sent again, the
 * command would be executed a second time.
 */
export function isLost(run: RunRecord, reported: ReadonlySet<string>): boolean {
  return run.passed.includes("running") && !reported.has(attemptKey(run.id, run.attempt));
}

/** `held`: the runs whose attempt in force is this agent's. */
export function desiredAttempts(held: readonly RunRecord[], reported: ReadonlySet<string>): DesiredAttempt[] {
  return held.map((run) => ({
    run,
    action: run.requested === "kill" ? "kill" : run.requested === "stop" ? "stop" : "run",
    withSpec: !reported.has(attemptKey(run.id, run.attempt)),
  }));
}
