/**
 * How an attempt ended, decided on its machine: a pure function over a table. Several things may be true at once when an attempt
 * is over (the command exited while a kill was on its way); the first row whose fact holds counts.
 */
import type { ReasonCode } from "./reason-table.ts";
import type { AttemptCause } from "./run-event.ts";

export interface OutcomeRow {
  /** What is true of the attempt. */
  when: string;
  /** What that means, for people. */
  meaning: string;
  cause: AttemptCause;
  /** Where the cause alone does not say it. */
  reason?: ReasonCode;
  /** Whether what the run wrote is stored. */
  saves: boolean;
}

const EXITED = { when: "exited", meaning: "the command exited by itself", cause: "exit", saves: true } as const;

export const OUTCOME_TABLE = [
  { when: "killed", meaning: "somebody asked to kill it", cause: "kill", saves: false },
  {
    when: "rebooted",
    meaning: "the machine was restarted since the attempt arrived",
    cause: "lost",
    reason: "machine-rebooted",
    saves: false,
  },
  {
    when: "interrupted",
    meaning: "the machine's operator told the agent to end at once",
    cause: "lost",
    reason: "interrupted-by-operator",
    saves: false,
  },
  {
    when: "reclaimed-early",
    meaning: "the machine is being taken away, and the command had not begun",
    cause: "lost",
    reason: "machine-reclaimed",
    saves: false,
  },
  { when: "save-failed", meaning: "its outputs could not be stored", cause: "save", saves: false },
  { when: "mount-failed", meaning: "a mount could not be made", cause: "mount", saves: false },
  { when: "build-failed", meaning: "its files could not be prepared", cause: "build", saves: false },
  {
    when: "start-failed",
    meaning: "the command could not be started",
    cause: "build",
    reason: "start-failed",
    saves: false,
  },
  {
    when: "exit-unknown",
    meaning: "its process is gone and left no exit code",
    cause: "lost",
    reason: "process-lost",
    saves: false,
  },
  { when: "stop-sent", meaning: "SIGTERM was sent because somebody asked to stop", cause: "stop", saves: true },
  {
    when: "reclaim-sent",
    meaning: "SIGTERM was sent because the machine is being taken away",
    cause: "lost",
    reason: "machine-reclaimed",
    saves: true,
  },
  EXITED,
] as const satisfies readonly OutcomeRow[];

export type AttemptFact = (typeof OUTCOME_TABLE)[number]["when"];

/** What an attempt of which this is true came to. One that is over has exited at least, so there is always an outcome. */
export function attemptOutcome(facts: ReadonlySet<AttemptFact>): OutcomeRow {
  return OUTCOME_TABLE.find(({ when }) => facts.has(when)) ?? EXITED;
}
