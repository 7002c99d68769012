/** Whether a run that ended is told to have ended for what really happened: its program, its user, or us. */
import { LEASE_MS } from "../parts/coordinator.ts";
import type { RecordView, RunRow } from "./record-view.ts";

/** What reports and clocks may be late by. */
const TOLERANCE_MS = 2_000;

export function blame(view: RecordView): string | undefined {
  for (const { before, now } of view.changed) {
    if (now.endedAtMs === null || (before !== undefined && before.endedAtMs !== null)) continue;
    const wrong = wrongly(view, now);
    if (wrong !== undefined)
      return `run ${now.id} ended as ${now.status} (${now.reasonCode}: ${now.reason}), but ${wrong}`;
  }
  return undefined;
}

function wrongly({ scene }: RecordView, run: RunRow): string | undefined {
  const { ledger } = scene;
  const command = ledger.startsOf(run.id, run.attempt)[0];
  const asked = ledger.asksToEnd(run.id);
  switch (run.status) {
    case "complete":
      if (command === undefined) return "its command was never started";
      if (command.endedAtMs === undefined) return "its command still runs";
      return command.exitCode === 0 ? undefined : `its command ended with ${command.exitCode ?? command.signalled}`;
    case "failed":
      if (command === undefined) return "its command was never started";
      if (run.reasonCode === "exit-code" && command.exitCode !== run.userExitCode && command.signalled === undefined) {
        return `its command exited with ${command.exitCode}`;
      }
      if (command.exitCode === 0 && !ledger.brokenDisks.has(command.host)) return "its command exited with 0";
      return undefined;
    case "stopped":
      if (asked.length === 0) return "nobody asked to stop it";
      return command?.signalSent === true ? undefined : "its command had ended by itself";
    case "killed":
      if (asked.length === 0) return "nobody asked to kill it";
      return run.outputTree === null ? undefined : "its outputs are visible";
    case "interrupted":
      return wronglyInterrupted(scene, run);
    default:
      return ledger.brokenDisks.size > 0 ? undefined : "nothing was wrong with its machine's disk";
  }
}

function wronglyInterrupted({ ledger, members, world }: RecordView["scene"], run: RunRow): string | undefined {
  const member = members.find(({ agentId }) => agentId === run.agentId);
  if (member === undefined) return "no agent had it";
  const { machine } = member;
  switch (run.reasonCode) {
    case "agent-lost": {
      const heard = Math.max(ledger.heardMs.get(machine.name) ?? 0, ledger.listeningSinceMs ?? world.nowMs);
      const silentMs = world.nowMs - heard;
      return silentMs >= LEASE_MS - TOLERANCE_MS ? undefined : `its agent was heard ${Math.round(silentMs)} ms ago`;
    }
    case "machine-rebooted":
    case "process-lost":
      return machine.boot > 1 ? undefined : "its machine was never restarted";
    default:
      return "nobody interrupted it";
  }
}
