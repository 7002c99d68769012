/**
 * The life of a run as data: which event leads from which status to which, under which guards, what has to be done about it, and
 * the reason when it is the end. The first row that fits counts; `transition` reads it, and so do the documents.
 */
import type { Effect } from "./effects.ts";
import type { GuardName } from "./guards.ts";
import type { Doer, ReasonCode } from "./reason-table.ts";
import type { Phase, RunStatus, TransientStatus } from "./status.ts";
import { TRANSIENT_STATUSES } from "./status.ts";

/** What has happened, as the table names it. */
export type EventName =
  "assigned" | `phase ${Phase}` | "stop-requested" | "kill-requested" | "ended" | "lost" | "retry-decided";

export interface TransitionRow {
  from: readonly TransientStatus[];
  event: EventName;
  /** All of them hold. */
  when?: readonly GuardName[];
  to: RunStatus;
  effects: readonly Effect[];
  /** The user's will that is remembered from here on. */
  remembers?: "stop" | "kill";
  /** Of a final status. */
  reason?: ReasonCode;
  /** Whoever saw the end may name a closer reason, if it is the doing of one of these. */
  closer?: readonly Doer[];
}

/** An attempt is in force. */
const HELD = TRANSIENT_STATUSES.filter((status) => status !== "machine_requested");
const PREPARING = ["building", "mounting"] as const;

const END = ["end-attempt", "release-slot", "notice"] as const;
const END_WITH_OUTPUTS = [...END, "publish-outputs"] as const;
const FAULT = ["operator", "ours"] as const;

export const TRANSITION_TABLE: readonly TransitionRow[] = [
  { from: ["machine_requested"], event: "assigned", to: "building", effects: ["begin-attempt"] },

  { from: ["building"], event: "phase mounting", to: "mounting", effects: [] },
  { from: PREPARING, event: "phase running", to: "running", effects: ["time-start"] },
  { from: [...PREPARING, "running", "stopping"], event: "phase saving", to: "saving", effects: [] },
  { from: [...PREPARING, "running", "stopping", "saving"], event: "phase pushing", to: "pushing", effects: [] },

  // With nothing running there is nothing to save, so stop acts as kill.
  ...cancelled(["tried-before"], "killed-by"),
  ...cancelled([], "cancelled-before-start"),
  { from: PREPARING, event: "stop-requested", remembers: "kill", to: "killing", effects: ["signal-kill"] },
  { from: ["running"], event: "stop-requested", remembers: "stop", to: "stopping", effects: ["signal-stop"] },
  {
    ...{ from: [...PREPARING, "running", "stopping", "saving", "pushing"], event: "kill-requested" },
    ...{ remembers: "kill", to: "killing", effects: ["signal-kill"] },
  },

  // A kill that was asked for wins over whatever the attempt came to.
  { from: HELD, event: "ended", when: ["kill-asked"], to: "killed", effects: END, reason: "killed-by" },
  { from: HELD, event: "ended", when: ["cause-kill"], to: "killed", effects: END, reason: "killed-by" },
  ...stopped("rule-timed-out", "timed-out"),
  ...stopped("rule-stop-condition", "stop-condition"),
  ...stopped(undefined, "stopped-by"),
  ...exited(["exit-unknown"], { to: "interrupted", effects: END, reason: "process-lost" }),
  ...exited(["exit-zero"], { to: "complete", effects: END_WITH_OUTPUTS, reason: "exit-code" }),
  ...exited(["names-program"], { to: "failed", effects: END_WITH_OUTPUTS, reason: "exit-code", closer: ["program"] }),
  ...exited(["exit-signal", "non-zero-is-complete"], { to: "complete", effects: END_WITH_OUTPUTS, reason: "signal" }),
  ...exited(["exit-signal"], { to: "failed", effects: END_WITH_OUTPUTS, reason: "signal" }),
  ...exited(["non-zero-is-complete"], { to: "complete", effects: END_WITH_OUTPUTS, reason: "exit-code" }),
  ...exited([], { to: "failed", effects: END_WITH_OUTPUTS, reason: "exit-code" }),
  {
    ...{ from: HELD, event: "ended", when: ["cause-build"], to: "build_failed", effects: END },
    ...{ reason: "build-error", closer: FAULT },
  },
  {
    ...{ from: HELD, event: "ended", when: ["cause-mount"], to: "mount_failed", effects: END },
    ...{ reason: "mount-error", closer: FAULT },
  },
  {
    ...{ from: HELD, event: "ended", when: ["cause-save"], to: "failed", effects: END },
    ...{ reason: "save-error", closer: FAULT },
  },
  // What it had written when its machine was taken away is kept.
  {
    ...{ from: HELD, event: "ended", when: ["cause-lost", "names-reclaim"], to: "interrupted" },
    ...{ effects: END_WITH_OUTPUTS, reason: "machine-reclaimed", closer: FAULT },
  },
  {
    ...{ from: HELD, event: "ended", when: ["cause-lost"], to: "interrupted", effects: END },
    ...{ reason: "process-lost", closer: FAULT },
  },

  { from: HELD, event: "lost", when: ["kill-asked"], to: "killed", effects: END, reason: "killed-by" },
  { from: HELD, event: "lost", to: "interrupted", effects: END, reason: "agent-lost", closer: FAULT },

  // By its policy, instead of an end above: see `retryPause`.
  { from: HELD, event: "retry-decided", to: "machine_requested", effects: [...END, "requeue"] },
];

type Outcome = Pick<TransitionRow, "to" | "effects" | "reason" | "closer">;

/** What waits for a machine and is wanted no more, by either word. */
function cancelled(when: readonly GuardName[], reason: ReasonCode): TransitionRow[] {
  const events = ["stop-requested", "kill-requested"] as const;
  return events.map((event) => ({
    ...{ from: ["machine_requested"], event, when, remembers: "kill", to: "killed", effects: ["notice"], reason },
  }));
}

/** A stop that took effect, asked for by a rule of the run or by a person. */
function stopped(rule: GuardName | undefined, reason: ReasonCode): TransitionRow[] {
  const when: GuardName[] = rule === undefined ? ["cause-stop"] : ["cause-stop", rule];
  return [{ from: HELD, event: "ended", when, to: "stopped", effects: END_WITH_OUTPUTS, reason }];
}

/** An end that the command came to by itself. */
function exited(when: readonly GuardName[], outcome: Outcome): TransitionRow[] {
  return [{ from: HELD, event: "ended", when: ["cause-exit", ...when], ...outcome }];
}
