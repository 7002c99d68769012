/** What must be true after every step. Pure: each takes the record and the ledger, and says which promise is broken. */
import { isFinal, isRunStatus } from "@spell/domain";
import { programOf } from "../parts/program.ts";
import type { RecordView } from "./record-view.ts";
import { blame } from "./blame.ts";

export function checkRecord(view: RecordView): string | undefined {
  return commandsOnce(view) ?? slotsKept(view) ?? finalStays(view) ?? keysKept(view) ?? blame(view);
}

/** No command is executed twice for one attempt. */
function commandsOnce({ scene }: RecordView): string | undefined {
  const seen = new Set<string>();
  for (const { runId, attempt } of scene.ledger.commands) {
    const key = `${runId}/${attempt}`;
    if (seen.has(key)) return `the command of attempt ${key} was executed twice`;
    seen.add(key);
  }
  return undefined;
}

/** No machine runs more than it has slots for, by what really runs there. */
function slotsKept({ scene }: RecordView): string | undefined {
  const alive = scene.ledger.alive();
  for (const { machine, settings } of scene.members) {
    const here = alive.filter((each) => each.host === machine.name);
    for (const { name, slots } of settings.machineTypes) {
      const used = here.filter((each) => each.machineType === name).length;
      if (used > slots) return `${machine.name} runs ${used} commands in ${slots} slots of ${name}`;
    }
    const masters = here.filter((each) => each.machineType === undefined).length;
    if (masters > settings.controlSlots)
      return `${machine.name} runs ${masters} masters in ${settings.controlSlots} control slots`;
  }
  return undefined;
}

/** A final status never changes, nor what it says. */
function finalStays({ changed }: RecordView): string | undefined {
  for (const { before, now } of changed) {
    if (before === undefined || !isRunStatus(before.status) || !isFinal(before.status)) continue;
    if (before.status !== now.status) return `run ${now.id} was ${before.status} and became ${now.status}`;
    if (before.reasonCode !== now.reasonCode)
      return `the reason of run ${now.id} changed from ${before.reasonCode} to ${now.reasonCode}`;
    if (before.outputTree !== now.outputTree) return `the outputs of run ${now.id} changed after its end`;
  }
  return undefined;
}

/** One client key, one run; what was acknowledged is there. */
function keysKept({ changed, runs, scene }: RecordView): string | undefined {
  if (changed.every(({ before }) => before !== undefined)) return undefined;
  const words = new Map<string, number>();
  for (const run of runs.values()) {
    const { word } = programOf(run.command);
    const other = words.get(word);
    if (other !== undefined) return `runs ${other} and ${run.id} were made for one request with one client key`;
    words.set(word, run.id);
  }
  const lost = scene.ledger.asked.find(({ runId }) => runId !== undefined && !runs.has(runId));
  return lost && `run ${lost.runId} was acknowledged and is not in the record`;
}
