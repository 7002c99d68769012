/** Load, decide, apply under guard; again if somebody was faster. Every change of a run's status goes through here. */
import type { Effect, RunEvent } from "@spell/domain";
import { conflict, retryPause, transition } from "@spell/domain";
import type { RunChange, RunRecord, RunStore } from "@spell/run-store";
import { endNotices } from "./notices.ts";
import { noSuchRun } from "./principal.ts";
import { attemptEnd, triedAgain } from "./retries.ts";

/** What applying an event to a run means for the record, and what is to be done once it stands there. */
export type Decision =
  | { kind: "change"; change: RunChange; effects: readonly Effect[] }
  | { kind: "unchanged" }
  | { kind: "rejected"; message: string };

/** A run as it is now, and what is to be done because it was changed. */
export interface Changed {
  run: RunRecord;
  effects: readonly Effect[];
}

/** Turns one event into a change of the record. Pure. */
export function decide(run: RunRecord, event: RunEvent, atMs: number): Decision {
  const { status, attempt, requested, requestedBy } = run;
  // What a run that has not ended has for a reason is the rule that stops it.
  const stopReason = run.reasonCode === "" ? undefined : { code: run.reasonCode, sentence: run.reason };
  const position = { status, attempt, requested, requestedBy, stopReason };
  const result = transition(position, event);
  if (result.kind === "rejected") return { kind: "rejected", message: result.message };
  if (result.kind === "unchanged") return { kind: "unchanged" };
  const { next, end, effects } = result;
  const change: RunChange = { status: next.status, requested: next.requested, requestedBy: next.requestedBy };
  if (effects.includes("time-start")) change.startedAtMs = atMs;
  if (next.status === "stopping" && next.stopReason !== undefined) {
    change.reasonCode = next.stopReason.code;
    change.reason = next.stopReason.sentence;
  }
  const exitCode = event.type === "ended" ? event.exitCode : undefined;
  if (end !== undefined && effects.includes("end-attempt")) {
    // One that another run goes on for is not tried again besides.
    const policy = run.spec.autoResume === true && end.code === "machine-reclaimed" ? undefined : run.spec.retry;
    const pauseMs = retryPause(policy, { number: attempt, end, exitCode, requested });
    const again = pauseMs === undefined ? undefined : transition(position, { type: "retry-decided" });
    if (pauseMs !== undefined && again?.kind === "changed") {
      return { kind: "change", change: triedAgain(run, { end, exitCode, atMs, pauseMs }), effects: again.effects };
    }
    change.attemptEnd = { ...attemptEnd(end, atMs), exitCode };
  }
  if (end !== undefined) {
    change.reasonCode = end.code;
    change.reason = end.sentence;
    change.endedAtMs = atMs;
    if (effects.includes("notice")) change.notices = endNotices(run, end, atMs);
  }
  // Why it waited for this attempt is no reason for anything that comes of it.
  if (effects.includes("begin-attempt") && run.reason !== "") change.reason = "";
  return { kind: "change", change, effects };
}

/** Applies what `decideOn` says to the run as it is now. Throws not-found, or conflict when the decision is a rejection. */
export async function changeRun(
  store: RunStore,
  runId: number,
  decideOn: (run: RunRecord) => Decision | Promise<Decision>,
): Promise<Changed> {
  for (;;) {
    const run = await store.findRun(runId);
    if (run === undefined) throw noSuchRun(runId);
    const decision = await decideOn(run);
    if (decision.kind === "rejected") throw conflict(`Run ${runId}: ${decision.message}.`, "run-ended");
    if (decision.kind === "unchanged") return { run, effects: [] };
    const changed = await store.updateRun(runId, run.version, decision.change);
    if (changed !== undefined) return { run: changed, effects: decision.effects };
  }
}
