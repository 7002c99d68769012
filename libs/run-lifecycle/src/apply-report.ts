/** What an agent's report about an attempt means for the run's record. Pure. */
import type { AttemptCause, Digest, Effect, NonZeroExit, Phase, RunEvent } from "@spell/domain";
import type { RunChange, RunRecord } from "@spell/run-store";
import type { Decision } from "./change-run.ts";
import { decide } from "./change-run.ts";
import type { RunStats } from "./stats.ts";

/** A phase that an attempt has entered. */
interface PhaseEntry {
  phase: Phase;
  /** By the agent's clock. */
  atMs: number;
  /** How long ago, by a clock that nobody sets; undefined: the agent does not know. */
  ageMs?: number;
}

/** One attempt as its agent sees it. */
export interface AttemptReport {
  runId: number;
  attempt: number;
  leaseToken: string;
  /** Phases entered so far, in order. */
  history: readonly PhaseEntry[];
  result?: AttemptResult;
  /** What its processes use, while somebody looks. */
  stats?: RunStats;
}

export interface AttemptResult {
  exitCode?: number;
  cause: AttemptCause;
  reasonCode?: string;
  reason?: string;
  outputTree?: Digest;
  logEntries: number;
}

/** Whether the report speaks for the attempt in force. Everything else is stale and changes nothing. */
export function holdsLease(run: RunRecord, lease: { attempt: number; leaseToken: string; agentId: string }): boolean {
  return (
    run.endedAtMs === undefined &&
    run.attempt === lease.attempt &&
    run.leaseToken === lease.leaseToken &&
    run.agentId === lease.agentId
  );
}

/** All that is new in the report, as one change. */
export function decideReport(
  run: RunRecord,
  report: AttemptReport,
  rules: { nowMs: number; nonZeroExit: NonZeroExit },
): Decision {
  const { nowMs, nonZeroExit } = rules;
  let position = run;
  let change: RunChange | undefined;
  const passed: RunChange["passed"] = [];
  const effects = new Set<Effect>();
  const apply = (event: RunEvent, atMs: number): void => {
    const decision = decide(position, event, atMs);
    if (decision.kind !== "change") return;
    change = { ...change, ...decision.change };
    for (const effect of decision.effects) effects.add(effect);
    if (decision.change.status !== undefined) passed.push(decision.change.status);
    position = { ...position, ...decision.change, version: position.version } as RunRecord;
  };
  for (const entry of report.history) {
    const { phase } = entry;
    if (!position.passed.includes(phase) && !passed.includes(phase))
      apply({ type: "phase", phase }, enteredAt(entry, run, nowMs));
  }
  const { result } = report;
  if (result !== undefined) {
    apply({ type: "ended", ...result, nonZeroExit }, nowMs);
    if (change !== undefined && effects.has("end-attempt")) {
      change.attemptEnd = { atMs: nowMs, ...change.attemptEnd, logEntries: result.logEntries };
      // Not of one that was killed, whatever had been stored before the kill arrived.
      if (effects.has("publish-outputs") && result.outputTree !== undefined) change.outputTree = result.outputTree;
      if (result.exitCode !== undefined && !effects.has("requeue")) change.userExitCode = result.exitCode;
    }
  }
  if (change === undefined) return { kind: "unchanged" };
  return { kind: "change", change: { ...change, passed }, effects: [...effects] };
}

/**
 * An agent's clock may be wrong or be set while the run runs: counted back from our own, a timeout is neither early nor late for that. A
 * run cannot start before it was made nor in the future.
 */
function enteredAt({ atMs, ageMs }: PhaseEntry, run: RunRecord, nowMs: number): number {
  return Math.min(nowMs, Math.max(run.createdAtMs, ageMs === undefined ? atMs : nowMs - ageMs));
}
