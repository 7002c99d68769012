/**
 * The one place where a run's status changes: a pure function over a table. Whoever stores or shows a status
 * asks here first, so no order of events can make a final status change or a run end twice.
 */
import type { AttemptCause, EndReason, NonZeroExit } from "./reason.ts";
import { reasonOfEnd } from "./reason.ts";
import type { FinalStatus, RunStatus, TransientStatus } from "./status.ts";
import { isFinal } from "./status.ts";

/** Phases an agent reports for an attempt, in their order. */
export const PHASES = ["building", "mounting", "running", "saving", "pushing"] as const;
export type Phase = (typeof PHASES)[number];

/** What has happened to a run. */
export type RunEvent =
  | { type: "assigned" }
  | { type: "phase"; phase: Phase }
  | { type: "stop-requested"; by: string; reason?: StopReason }
  | { type: "kill-requested"; by: string }
  | {
      type: "ended";
      cause: AttemptCause;
      exitCode?: number;
      nonZeroExit?: NonZeroExit;
      reasonCode?: string;
      reason?: string;
    }
  | { type: "lost"; reasonCode: string; reason: string };

/** A rule of the run that stops it: `stop-condition` or `timed-out`, and the sentence. */
export interface StopReason {
  code: string;
  sentence: string;
}

/** What of a run the transition looks at. */
export interface RunPosition {
  status: RunStatus;
  /** The user's will, once said: it decides between `complete`, `stopped` and `killed` at the end. */
  requested?: "stop" | "kill";
  /** Who said it. */
  requestedBy?: string;
  /** With `stop`: the rule of the run that asked for it; undefined when a person did. */
  stopReason?: StopReason;
}

export type Transition =
  | { kind: "changed"; next: RunPosition; end?: EndReason }
  | { kind: "unchanged" }
  | { kind: "rejected"; message: string };

/** Where a phase report leads from each status; absent: the report is late and changes nothing. */
const PHASE_TABLE: Record<TransientStatus, Partial<Record<Phase, TransientStatus>>> = {
  machine_requested: {},
  building: { mounting: "mounting", running: "running", saving: "saving", pushing: "pushing" },
  mounting: { running: "running", saving: "saving", pushing: "pushing" },
  running: { saving: "saving", pushing: "pushing" },
  stopping: { saving: "saving", pushing: "pushing" },
  killing: {},
  saving: { pushing: "pushing" },
  pushing: {},
};

/** What asking to stop does: with nothing running yet there is nothing to save, so it acts as kill. */
const STOP_TABLE: Record<TransientStatus, TransientStatus | "killed" | undefined> = {
  machine_requested: "killed",
  building: "killing",
  mounting: "killing",
  running: "stopping",
  stopping: undefined,
  killing: undefined,
  saving: undefined,
  pushing: undefined,
};

/** What asking to kill does. */
const KILL_TABLE: Record<TransientStatus, TransientStatus | "killed" | undefined> = {
  machine_requested: "killed",
  building: "killing",
  mounting: "killing",
  running: "killing",
  stopping: "killing",
  killing: undefined,
  saving: "killing",
  pushing: "killing",
};

/** The status after an event, or why there is none. Pure. */
export function transition(from: RunPosition, event: RunEvent): Transition {
  const { status } = from;
  if (isFinal(status)) {
    if (event.type === "phase" || event.type === "ended" || event.type === "lost") return { kind: "unchanged" };
    return { kind: "rejected", message: `the run has already ended (${status})` };
  }
  switch (event.type) {
    case "assigned":
      return status === "machine_requested"
        ? { kind: "changed", next: { ...from, status: "building" } }
        : { kind: "rejected", message: `the run is already ${status}` };
    case "phase": {
      const next = PHASE_TABLE[status][event.phase];
      return next === undefined ? { kind: "unchanged" } : { kind: "changed", next: { ...from, status: next } };
    }
    case "stop-requested":
      return request({ ...from, stopReason: event.reason }, STOP_TABLE[status], "stop", event.by);
    case "kill-requested":
      return request(from, KILL_TABLE[status], "kill", event.by);
    case "ended": {
      const end = reasonOfEnd(event, from);
      return { kind: "changed", next: { ...from, status: end.status }, end };
    }
    case "lost":
      return finish(from, from.requested === "kill" ? "killed" : "interrupted", event.reasonCode, event.reason);
  }
}

function request(
  from: RunPosition,
  next: TransientStatus | "killed" | undefined,
  verb: "stop" | "kill",
  by: string,
): Transition {
  if (next === undefined) return { kind: "unchanged" };
  const requested = next === "stopping" ? verb : "kill";
  const position: RunPosition = { ...from, requested, requestedBy: by };
  if (next === "killed") {
    return finish(position, "killed", "cancelled-before-start", `Cancelled by ${by} before it started.`);
  }
  return { kind: "changed", next: { ...position, status: next } };
}

function finish(from: RunPosition, status: FinalStatus, code: string, sentence: string): Transition {
  return { kind: "changed", next: { ...from, status }, end: { status, code, sentence } };
}
