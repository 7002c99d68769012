/**
 * A run that is tried again: what that means for its record, which machines it had better not meet again, and how it is said. Pure.
 */
import type { EndReason, LogEntry } from "@spell/domain";
import { isNotItsDoing, isReasonCode } from "@spell/domain";
import type { AttemptEnd, AttemptRecord, RunChange, RunRecord } from "@spell/run-store";
import { notice } from "./notices.ts";

/** The end of the attempt in force that is not the end of its run. */
export function triedAgain(
  run: RunRecord,
  { end, exitCode, atMs, pauseMs }: { end: EndReason; exitCode?: number; atMs: number; pauseMs: number },
): RunChange {
  const next: Pick<RunRecord, "attempt" | "reason" | "notBeforeMs"> = {
    attempt: run.attempt,
    reason: `Attempt ${run.attempt} ended: ${withoutDot(end.sentence)}`,
    notBeforeMs: atMs + pauseMs,
  };
  return {
    status: "machine_requested",
    reasonCode: "",
    reason: next.reason,
    attemptEnd: { ...attemptEnd(end, atMs), exitCode },
    requeue: { notBeforeMs: atMs + pauseMs, atMs },
    notices: [againNotice(waitingReason({ ...run, ...next, status: "machine_requested" }, atMs), atMs)],
  };
}

/** How an attempt ended, as its run would have. */
export function attemptEnd(end: EndReason, atMs: number): AttemptEnd {
  return { status: end.status, reasonCode: end.code, reason: end.sentence, atMs };
}

/** What a run that was tried before waits for, as a sentence; empty for any other. */
export function waitingReason(run: RunRecord, nowMs: number): string {
  if (run.status !== "machine_requested" || run.attempt === 0) return "";
  const leftMs = (run.notBeforeMs ?? nowMs) - nowMs;
  const next = `attempt ${run.attempt + 1}`;
  return `${run.reason}; ${leftMs > 0 ? `${next} starts in ${inWords(leftMs)}` : `${next} is next`}.`;
}

/** Agents where something else than its command ended an attempt. */
export function avoidedAgents(attempts: readonly AttemptRecord[]): string[] {
  const failed = attempts.filter(({ end }) => {
    const code = end?.reasonCode ?? "";
    return isReasonCode(code) && isNotItsDoing({ code });
  });
  return [...new Set(failed.map(({ agentId }) => agentId))];
}

function againNotice(text: string, atMs: number): LogEntry {
  return notice({ atMs, status: "machine_requested", text, event: true, level: "warning" });
}

function withoutDot(sentence: string): string {
  return sentence.replace(/\.$/, "");
}

const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000];

/** Rounded up: whoever waits so long has waited long enough. */
function inWords(ms: number): string {
  if (ms <= 120 * SECOND_MS) return `${Math.ceil(ms / SECOND_MS)} s`;
  if (ms <= 120 * MINUTE_MS) return `${Math.ceil(ms / MINUTE_MS)} min`;
  return `${Math.ceil(ms / HOUR_MS)} h`;
}
