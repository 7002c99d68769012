/**
 * Why a run ended: a stable code and a sentence beside the status, so that the user's program, the user's will
 * and our own fault are never confused.
 */
import type { RunPosition } from "./transition.ts";
import type { FinalStatus } from "./status.ts";

/** What ended an attempt, as the agent saw it. */
export const ATTEMPT_CAUSES = ["exit", "stop", "kill", "build", "mount", "save", "lost"] as const;
export type AttemptCause = (typeof ATTEMPT_CAUSES)[number];

export interface EndReason {
  status: FinalStatus;
  /** exit-code, signal, stopped-by, stop-condition, timed-out, killed-by, build-error, mount-error, save-error, agent-lost, … */
  code: string;
  sentence: string;
}

/** What a command that exits with another code than 0 makes of its run: `complete` is what old scripts may count on. */
export const NON_ZERO_EXITS = ["failed", "complete"] as const;
export type NonZeroExit = (typeof NON_ZERO_EXITS)[number];

interface Ended {
  cause: AttemptCause;
  exitCode?: number;
  /** Default: failed. */
  nonZeroExit?: NonZeroExit;
  reasonCode?: string;
  reason?: string;
}

/** The final status and reason for the end of an attempt. A kill that was asked for always wins. */
export function reasonOfEnd(ended: Ended, position: RunPosition): EndReason {
  const by = position.requestedBy ?? "the user";
  if (position.requested === "kill" || ended.cause === "kill") {
    return { status: "killed", code: "killed-by", sentence: `Killed by ${by}.` };
  }
  switch (ended.cause) {
    case "stop":
      return { status: "stopped", ...(position.stopReason ?? { code: "stopped-by", sentence: `Stopped by ${by}.` }) };
    case "exit":
      return exitReason(ended.exitCode, ended.nonZeroExit ?? "failed");
    case "build":
      return fault("build_failed", ended, "build-error", "The run's files could not be prepared.");
    case "mount":
      return fault("mount_failed", ended, "mount-error", "A mount could not be made.");
    case "save":
      return fault("failed", ended, "save-error", "The outputs could not be stored.");
    case "lost":
      return fault("interrupted", ended, "process-lost", "The run's process disappeared.");
  }
}

function exitReason(exitCode: number | undefined, nonZeroExit: NonZeroExit): EndReason {
  if (exitCode === undefined) {
    // Never taken for success: nobody saw the command exit with 0.
    const sentence = "The run's process ended, but its exit code is not known.";
    return { status: "interrupted", code: "process-lost", sentence };
  }
  if (exitCode === 0) return { status: "complete", code: "exit-code", sentence: "The command exited with code 0." };
  // A shell reports death by signal N as 128 + N.
  if (exitCode > 128 && exitCode <= 192) {
    const signal = exitCode - 128;
    return { status: nonZeroExit, code: "signal", sentence: `The command was ended by signal ${signal}.` };
  }
  return { status: nonZeroExit, code: "exit-code", sentence: `The command exited with code ${exitCode}.` };
}

function fault(status: FinalStatus, ended: Ended, code: string, sentence: string): EndReason {
  return { status, code: ended.reasonCode || code, sentence: ended.reason || sentence };
}
