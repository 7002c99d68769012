/**
 * The one place where a run's status changes: a pure function over the transition table. Whoever stores or shows a status
 * asks here first, so no order of events can make a final status change or a run end twice.
 */
import type { Effect } from "./effects.ts";
import { guardHolds } from "./guards.ts";
import type { EndReason } from "./reason.ts";
import { reasonOfEnd } from "./reason.ts";
import type { RunEvent, RunPosition } from "./run-event.ts";
import { isFinal } from "./status.ts";
import { TRANSITION_TABLE } from "./transition-table.ts";
import type { EventName, TransitionRow } from "./transition-table.ts";

export type Transition =
  | { kind: "changed"; next: RunPosition; effects: readonly Effect[]; end?: EndReason }
  | { kind: "unchanged" }
  | { kind: "rejected"; message: string };

/** The status after an event, or why there is none. Pure. */
export function transition(from: RunPosition, event: RunEvent): Transition {
  if (isFinal(from.status)) {
    // What an agent says late changes nothing; what somebody wants is answered.
    const isWish = event.type === "stop-requested" || event.type === "kill-requested" || event.type === "assigned";
    return !isWish
      ? { kind: "unchanged" }
      : { kind: "rejected", message: `the run has already ended (${from.status})` };
  }
  const row = rowFor(from, event);
  if (row === undefined) {
    if (event.type !== "assigned") return { kind: "unchanged" };
    return { kind: "rejected", message: `the run is already ${from.status}` };
  }
  const next = { ...remembering(from, event, row), status: row.to };
  if (!isFinal(row.to)) return { kind: "changed", next, effects: row.effects };
  return {
    kind: "changed",
    next,
    effects: row.effects,
    end: reasonOfEnd(row, { status: row.to, run: from, event }),
  };
}

/** The first that fits. */
function rowFor(run: RunPosition, event: RunEvent): TransitionRow | undefined {
  const name: EventName = event.type === "phase" ? `phase ${event.phase}` : event.type;
  return TRANSITION_TABLE.find(
    (row) =>
      row.event === name &&
      (row.from as readonly string[]).includes(run.status) &&
      (row.when ?? []).every((guard) => guardHolds(guard, run, event)),
  );
}

function remembering(from: RunPosition, event: RunEvent, { remembers }: TransitionRow): RunPosition {
  if (remembers === undefined || !("by" in event)) return from;
  const stopReason = event.type === "stop-requested" ? event.reason : from.stopReason;
  return { ...from, requested: remembers, requestedBy: event.by, stopReason };
}
