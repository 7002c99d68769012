/** The verdict as people read it. Pure. */
import { FAULT_KINDS } from "../faults/fault.ts";
import type { FaultHistory, FaultKind } from "../faults/fault.ts";
import type { Evidence } from "./evidence.ts";
import { COLUMNS, judge } from "./verdict.ts";
import type { Complaint } from "./verdict.ts";

/** What is printed, and written as JSON. */
export interface Verdict {
  runs: number;
  byStatus: Record<string, number>;
  faults: FaultRow[];
  counts: Record<string, number>;
  complaints: Complaint[];
}

interface FaultRow {
  kind: FaultKind;
  count: number;
  /** How many recoveries were measured. */
  measured: number;
  p50Ms?: number;
  maxMs?: number;
}

export function toVerdict(evidence: Evidence): Verdict {
  const runs = evidence.tasks.flatMap((task) => task.runs);
  const complaints = judge(evidence);
  const byStatus: Record<string, number> = {};
  for (const { status } of runs) byStatus[status] = (byStatus[status] ?? 0) + 1;
  return {
    ...{ runs: runs.length, byStatus, complaints },
    counts: Object.fromEntries(
      COLUMNS.map((column) => [column, complaints.filter((complaint) => complaint.column === column).length]),
    ),
    faults: (Object.keys(FAULT_KINDS) as FaultKind[]).flatMap((kind) => faultRow(kind, evidence.faults)),
  };
}

function faultRow(kind: FaultKind, faults: readonly FaultHistory[]): FaultRow[] {
  const ofKind = faults.filter((fault) => fault.kind === kind);
  if (ofKind.length === 0) return [];
  const times = ofKind.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((one, other) => one - other);
  return [
    {
      ...{ kind, count: ofKind.length, measured: times.length },
      ...{ p50Ms: times[Math.floor((times.length - 1) / 2)], maxMs: times.at(-1) },
    },
  ];
}

/** Lines of the table. */
export function verdictLines(verdict: Verdict): string[] {
  const { runs, byStatus, faults, counts, complaints } = verdict;
  const statuses = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  const total = faults.reduce((sum, { count }) => sum + count, 0);
  const slowest = Math.max(0, ...faults.map(({ maxMs = 0 }) => maxMs));
  return [
    "",
    "fault                   times   recovery: measured     p50      max",
    ...faults.map(
      ({ kind, count, measured, p50Ms, maxMs }) =>
        `${kind.padEnd(24)}${String(count).padStart(5)}${String(measured).padStart(21)}${seconds(p50Ms)}${seconds(maxMs)}`,
    ),
    "",
    `runs                ${String(runs).padStart(9)}   (${statuses.join(", ")})`,
    `faults              ${String(total).padStart(9)}`,
    ...Object.entries(counts).map(([column, count]) => `${column.padEnd(20)}${String(count).padStart(9)}`),
    `longest recovery    ${seconds(slowest)}`,
    ...complaints.map(({ column, key, sentence }) => `${column}: ${key === "" ? "" : `${key}: `}${sentence}`),
  ];
}

function seconds(ms: number | undefined): string {
  return (ms === undefined ? "–" : `${(ms / 1000).toFixed(2)} s`).padStart(9);
}
