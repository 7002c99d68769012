/** What can happen to a run, and what of a run decides what it leads to. */
import type { Phase, RunStatus } from "./status.ts";

/** What ended an attempt, as the agent saw it. */
export const ATTEMPT_CAUSES = ["exit", "stop", "kill", "build", "mount", "save", "lost"] as const;
export type AttemptCause = (typeof ATTEMPT_CAUSES)[number];

/** What a command that exits with another code than 0 makes of its run: `complete` is what old scripts may count on. */
export const NON_ZERO_EXITS = ["failed", "complete"] as const;
export type NonZeroExit = (typeof NON_ZERO_EXITS)[number];

/** An attempt ended, as its agent says. */
export interface EndedEvent {
  type: "ended";
  cause: AttemptCause;
  exitCode?: number;
  /** Default: failed. */
  nonZeroExit?: NonZeroExit;
  /** A closer reason than the cause's own, and its sentence. */
  reasonCode?: string;
  reason?: string;
}

export type RunEvent =
  | { type: "assigned" }
  | { type: "phase"; phase: Phase }
  | { type: "stop-requested"; by: string; reason?: StopReason }
  | { type: "kill-requested"; by: string }
  | EndedEvent
  | { type: "lost"; reasonCode: string; reason: string }
  /** The attempt in force has ended, and its run is tried again. */
  | { type: "retry-decided" };

/** A rule of the run that stops it: `stop-condition` or `timed-out`, and the sentence. */
export interface StopReason {
  code: string;
  sentence: string;
}

/** What of a run the transition looks at. */
export interface RunPosition {
  status: RunStatus;
  /** The last attempt, from 1; 0 before the first. Default 0. */
  attempt?: number;
  /** The user's will, once said: it decides between `complete`, `stopped` and `killed` at the end. */
  requested?: "stop" | "kill";
  /** Who said it. */
  requestedBy?: string;
  /** With `stop`: the rule of the run that asked for it; undefined when a person did. */
  stopReason?: StopReason;
}
