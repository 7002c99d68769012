/** The conditions that rows of the transition table name. Each looks at the run and at what has happened, and at nothing else. */
import { isReasonCode, reasonRow, signalOf } from "./reason-table.ts";
import type { AttemptCause, EndedEvent, RunEvent, RunPosition } from "./run-event.ts";

type Guard = (run: RunPosition, event: RunEvent) => boolean;

function ended(holds: (event: EndedEvent) => boolean): Guard {
  return (_run, event) => event.type === "ended" && holds(event);
}

function cause(wanted: AttemptCause): Guard {
  return ended((event) => event.cause === wanted);
}

export const GUARDS = {
  "tried-before": (run) => (run.attempt ?? 0) > 0,
  "kill-asked": (run) => run.requested === "kill",
  "rule-timed-out": (run) => run.stopReason?.code === "timed-out",
  "rule-stop-condition": (run) => run.stopReason?.code === "stop-condition",
  "cause-exit": cause("exit"),
  "cause-stop": cause("stop"),
  "cause-kill": cause("kill"),
  "cause-build": cause("build"),
  "cause-mount": cause("mount"),
  "cause-save": cause("save"),
  "cause-lost": cause("lost"),
  "names-reclaim": ended(({ reasonCode }) => reasonCode === "machine-reclaimed"),
  // Never taken for success: nobody saw the command exit with 0.
  "exit-unknown": ended(({ exitCode }) => exitCode === undefined),
  "exit-zero": ended(({ exitCode }) => exitCode === 0),
  "exit-signal": ended(({ exitCode }) => signalOf(exitCode ?? 0) !== undefined),
  "non-zero-is-complete": ended(({ nonZeroExit }) => nonZeroExit === "complete"),
  "names-program": ended(
    ({ reasonCode = "" }) => isReasonCode(reasonCode) && reasonRow(reasonCode).doing === "program",
  ),
} as const satisfies Record<string, Guard>;

export type GuardName = keyof typeof GUARDS;

export function guardHolds(name: GuardName, run: RunPosition, event: RunEvent): boolean {
  return GUARDS[name](run, event);
}
