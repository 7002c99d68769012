/**
 * Why a run ended: a stable code and a sentence beside the status, so that the user's program, the user's will
 * and our own fault are never confused.
 */
import type { ReasonCode } from "./reason-table.ts";
import { isReasonCode, reasonRow, reasonSentence } from "./reason-table.ts";
import type { RunEvent, RunPosition } from "./run-event.ts";
import type { FinalStatus } from "./status.ts";
import type { TransitionRow } from "./transition-table.ts";

export interface EndReason {
  status: FinalStatus;
  code: ReasonCode;
  sentence: string;
}

/** What a row that ends a run with this status says of why. */
export function reasonOfEnd(
  row: Pick<TransitionRow, "reason" | "closer">,
  end: { status: FinalStatus; run: RunPosition; event: RunEvent },
): EndReason {
  const { status, run, event } = end;
  const code = closerReason(row, status, event) ?? row.reason ?? "process-lost";
  return { status, code, sentence: givenSentence(row, run, event) || reasonSentence(code, known(run, event)) };
}

/** The reason that whoever saw the end names, if the row allows it and it goes with the status. */
function closerReason(
  { closer = [] }: Pick<TransitionRow, "closer">,
  status: FinalStatus,
  event: RunEvent,
): ReasonCode | undefined {
  if (event.type !== "ended" && event.type !== "lost") return undefined;
  const { reasonCode = "" } = event;
  if (!isReasonCode(reasonCode)) return undefined;
  const { doing, statuses } = reasonRow(reasonCode);
  return closer.includes(doing) && statuses.includes(status) ? reasonCode : undefined;
}

/** What the one who saw it says in words: of a rule of the run, or of what the row lets others explain. */
function givenSentence(row: Pick<TransitionRow, "reason" | "closer">, run: RunPosition, event: RunEvent): string {
  if (row.reason !== undefined && row.reason === run.stopReason?.code) return run.stopReason.sentence;
  const isExplained = row.closer !== undefined && (event.type === "ended" || event.type === "lost");
  return isExplained ? (event.reason ?? "") : "";
}

function known(run: RunPosition, event: RunEvent): { by?: string; exitCode?: number } {
  const by = "by" in event ? event.by : run.requestedBy;
  return { by, exitCode: event.type === "ended" ? event.exitCode : undefined };
}
