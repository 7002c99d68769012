/** What an agent should be doing, from the record alone. Pure. */
import type { RunRecord } from "@spell/run-store";
import { attemptKey } from "./agent-sessions.ts";

export interface DesiredAttempt {
  run: RunRecord;
  action: "run" | "stop" | "kill";
  /** The agent has not reported the attempt yet: it needs to be told what to run. */
  withSpec: boolean;
}

/** `held`: the runs whose attempt in force is this agent's. */
export function desiredAttempts(held: readonly RunRecord[], reported: ReadonlySet<string>): DesiredAttempt[] {
  return held.map((run) => ({
    run,
    action: run.requested === "kill" ? "kill" : run.requested === "stop" ? "stop" : "run",
    withSpec: !reported.has(attemptKey(run.id, run.attempt)),
  }));
}
