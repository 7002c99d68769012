/** What an agent says on its stream, as the use cases take it. Pure; anything malformed is left out: the agent says all again. */
import type { AttemptCause, MachineTypeSlots, Phase } from "@spell/domain";
import { ATTEMPT_CAUSES, PHASES, isDigest, machineTypeKey, parseMachineType } from "@spell/domain";
import type { AttemptReport as AttemptReportMessage } from "@spell/rpc";
import type { AttemptReport } from "@spell/run-lifecycle";
import { toStats } from "./agent-stats.ts";

/** No machine has more; sums over all agents stay within what the messages can hold. */
const MAX_SLOTS = 10_000;

/** Slots as an agent may claim them. */
export function toSlots(claimed: number): number {
  return Math.min(MAX_SLOTS, Math.max(0, claimed));
}

/** What the agent offers, each type once. */
export function toMachineTypes(offered: readonly MachineTypeSlots[]): MachineTypeSlots[] {
  const proper = offered.filter(({ name }) => isMachineTypeName(name));
  const types = new Map(proper.map(({ name, slots }) => [machineTypeKey(name), { name, slots: toSlots(slots) }]));
  return [...types.values()];
}

/** The attempts it speaks of, each once: what it says last of one is all there is to say. */
export function toReports(messages: readonly AttemptReportMessage[]): AttemptReport[] {
  const reports = new Map<string, AttemptReport>();
  for (const { lease, history, result, stats } of messages) {
    if (lease === undefined) continue;
    const phases = history.flatMap(({ phase, atMs, ageMs }) => (isPhase(phase) ? [{ phase, atMs, ageMs }] : []));
    const { runId, attempt, token: leaseToken } = lease;
    const report = { runId, attempt, leaseToken, history: phases, result: toResult(result), stats: toStats(stats) };
    reports.set(`${runId}/${attempt}/${leaseToken}`, report);
  }
  return [...reports.values()];
}

function toResult(result: AttemptReportMessage["result"]): AttemptReport["result"] {
  if (result === undefined || !isCause(result.cause)) return undefined;
  return {
    exitCode: result.exitCode,
    cause: result.cause,
    reasonCode: result.reasonCode || undefined,
    reason: result.reason || undefined,
    outputTree: isDigest(result.outputTree) ? result.outputTree : undefined,
    logEntries: Math.max(0, result.logEntries),
  };
}

function isMachineTypeName(text: string): boolean {
  try {
    return parseMachineType(text).name === text;
  } catch {
    return false;
  }
}

function isPhase(text: string): text is Phase {
  return (PHASES as readonly string[]).includes(text);
}

function isCause(text: string): text is AttemptCause {
  return (ATTEMPT_CAUSES as readonly string[]).includes(text);
}
