/** The coordinator's own lines in a run's log. */
import type { EndReason, LogEntry, RunStatus } from "@spell/domain";
import { formatDuration } from "@spell/domain";
import type { RunRecord } from "@spell/run-store";

/** A notice at this moment. */
export function notice(entry: {
  atMs: number;
  status: RunStatus;
  text: string;
  event?: boolean;
  level?: "info" | "warning" | "error";
}): LogEntry {
  return {
    atMs: entry.atMs,
    text: entry.text,
    status: entry.status,
    statusEvent: entry.event ?? false,
    level: entry.level ?? "info",
    partial: false,
  };
}

/** The first line of every log. */
export function createdNotice(machineType: string, atMs: number): LogEntry {
  const text = `Run created -- waiting for a ${machineType} machine.`;
  return notice({ atMs, status: "machine_requested", text, event: true });
}

/** Something old scripts ask for that means nothing here: said, not refused. */
export function hintNotice(hint: string, atMs: number): LogEntry {
  const text = `${hint} has no effect: a run sees the programs of its machine.`;
  return notice({ atMs, status: "machine_requested", text, level: "warning" });
}

/** Something of the user's repository that no tree can hold. */
export function leftOutNotice(text: string, atMs: number): LogEntry {
  return notice({ atMs, status: "machine_requested", text, level: "warning" });
}

/** The last lines of a log. */
export function endNotices(run: RunRecord, end: EndReason, atMs: number): LogEntry[] {
  const level = end.status === "complete" ? "info" : end.status === "failed" ? "error" : "warning";
  const status = end.status;
  const notices: LogEntry[] = [];
  if (run.startedAtMs !== undefined) {
    const text = `Total run time: ${formatDuration(atMs - run.startedAtMs)}`;
    notices.push(notice({ atMs, status, text, event: true }));
  }
  const text = status === "complete" ? `Run ${run.id} complete` : `Run ${run.id} ${status}: ${end.sentence}`;
  notices.push(notice({ atMs, status, text, event: true, level }));
  return notices;
}
