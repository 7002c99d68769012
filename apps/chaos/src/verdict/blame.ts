/**
 * Whether a run's final status is what its command and its user did, or what the faults excuse. The command's own word, in the ledger,
 * decides: a run is `complete` when its command said that it was about to exit with 0. Pure.
 */
import type { FinalStatus } from "@spell/domain";
import { isFinal } from "@spell/domain";
import type { FaultHistory } from "../faults/fault.ts";
import type { Evidence, RunFacts, TaskFacts } from "./evidence.ts";

/** What is wrong with it, as a sentence; undefined: nothing. */
export function blameProblem(run: RunFacts, task: TaskFacts, evidence: Evidence): string | undefined {
  if (!isFinal(run.status)) return undefined;
  const told = `run ${run.id} is ${run.status} (${run.reasonCode}: ${run.reason})`;
  const meanwhile = faultsDuring(run, task, evidence);
  // Of the machine that had it: the coordinator's disk is waited for.
  const isDiskExcuse = run.reasonCode === "disk-full" && meanwhile.some(({ kind }) => kind === "disk-full-agent");
  switch (run.status satisfies FinalStatus) {
    case "complete":
      return exitProblem(run, task, told);
    case "failed":
      return isDiskExcuse ? undefined : exitProblem(run, task, told);
    case "stopped":
    case "killed":
      return task.wish === "none" ? `${told}, and nobody asked for that` : undefined;
    case "interrupted":
      return isTakenAway(run, meanwhile, evidence.leaseMs) ? undefined : `${told}, and no fault was the cause`;
    case "build_failed":
    case "mount_failed":
      return isDiskExcuse ? undefined : `${told}, and there was nothing wrong with it`;
  }
}

function exitProblem(run: RunFacts, { notes }: TaskFacts, told: string): string | undefined {
  const exitCode = notes.find(({ what }) => what === "ended")?.value;
  if (exitCode === undefined) return `${told}, and its command never said that it was about to end`;
  if (run.exitCode !== exitCode)
    return `${told} with exit code ${run.exitCode}, and its command ended with ${exitCode}`;
  const right = exitCode === 0 ? "complete" : "failed";
  if (run.status !== right || run.reasonCode !== "exit-code") return `${told}, and its command ended with ${exitCode}`;
  return undefined;
}

/** Faults of its machine between its creation and its end. */
function faultsDuring(run: RunFacts, task: TaskFacts, { faults }: Evidence): FaultHistory[] {
  const { createdAtMs, endedAtMs = Number.POSITIVE_INFINITY } = task;
  return faults.filter(
    (fault) =>
      (fault.target.machine === run.agent || fault.target.peer === run.agent) &&
      fault.endedAtMs > createdAtMs &&
      fault.beganAtMs < endedAtMs,
  );
}

/** Whether its machine was silent for longer than the lease, or started again. */
function isTakenAway({ reasonCode }: RunFacts, meanwhile: readonly FaultHistory[], leaseMs: number): boolean {
  if (reasonCode === "machine-rebooted") return meanwhile.some(({ kind }) => kind === "reboot-agent");
  if (reasonCode !== "agent-lost") return false;
  return meanwhile.some(({ beganAtMs, endedAtMs }) => endedAtMs - beganAtMs >= leaseMs);
}
