/** Load, decide, apply under guard; again if somebody was faster. Every change of a run's status goes through here. */
import type { RunEvent } from "@spell/domain";
import { conflict, transition } from "@spell/domain";
import type { RunChange, RunRecord, RunStore } from "@spell/run-store";
import { endNotices } from "./notices.ts";
import { noSuchRun } from "./principal.ts";

/** What applying an event to a run means for the record. Pure. */
export type Decision =
  { kind: "change"; change: RunChange } | { kind: "unchanged" } | { kind: "rejected"; message: string };

/** Turns one event into a change of the record. Pure. */
export function decide(run: RunRecord, event: RunEvent, atMs: number): Decision {
  const { status, requested, requestedBy } = run;
  // What a run that has not ended has for a reason is the rule that stops it.
  const stopReason = run.reasonCode === "" ? undefined : { code: run.reasonCode, sentence: run.reason };
  const result = transition({ status, requested, requestedBy, stopReason }, event);
  if (result.kind === "rejected") return { kind: "rejected", message: result.message };
  if (result.kind === "unchanged") return { kind: "unchanged" };
  const { next, end } = result;
  const change: RunChange = { status: next.status, requested: next.requested, requestedBy: next.requestedBy };
  if (next.status === "running") change.startedAtMs = atMs;
  if (next.status === "stopping" && next.stopReason !== undefined) {
    change.reasonCode = next.stopReason.code;
    change.reason = next.stopReason.sentence;
  }
  if (end !== undefined) {
    change.reasonCode = end.code;
    change.reason = end.sentence;
    change.endedAtMs = atMs;
    change.notices = endNotices(run, end, atMs);
    if (run.attempt > 0) change.attemptEnd = { atMs };
  }
  return { kind: "change", change };
}

/** Applies what `decideOn` says to the run as it is now. Throws not-found, or conflict when the decision is a rejection. */
export async function changeRun(
  store: RunStore,
  runId: number,
  decideOn: (run: RunRecord) => Decision,
): Promise<RunRecord> {
  for (;;) {
    const run = await store.findRun(runId);
    if (run === undefined) throw noSuchRun(runId);
    const decision = decideOn(run);
    if (decision.kind === "rejected") throw conflict(`Run ${runId}: ${decision.message}.`, "run-ended");
    if (decision.kind === "unchanged") return run;
    const changed = await store.updateRun(runId, run.version, decision.change);
    if (changed !== undefined) return changed;
  }
}
