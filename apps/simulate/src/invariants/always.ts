/** What must be true after every step. Pure: each takes the record and the ledger, and says which promise is broken. */
import { isFinal, isRunStatus } from "@spell/domain";
import { buildTree, digestOf } from "@spell/spellfs";
import { outputOf, programOf } from "../parts/program.ts";
import { recorded } from "./record-view.ts";
import type { RecordView } from "./record-view.ts";
import { blame } from "./blame.ts";

export function checkRecord(view: RecordView): string | undefined {
  if (view.changed.length === 0) return commandsOnce(view) ?? slotsKept(view) ?? newsTrue(view);
  return (
    commandsOnce(view) ??
    slotsKept(view) ??
    newsTrue(view) ??
    slotsRecorded(view) ??
    finalStays(view) ??
    triedWithin(view) ??
    keysKept(view) ??
    outputsRight(view) ??
    blame(view)
  );
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

/** By the record, too, no agent has more than it has room for. */
function slotsRecorded({ scene, runs }: RecordView): string | undefined {
  const held = [...runs.values()].filter((run) => run.endedAtMs === null && run.agentId !== null);
  for (const { agentId, machine, settings } of scene.members) {
    const here = held.filter((run) => run.agentId === agentId);
    for (const { name, slots } of settings.machineTypes) {
      const used = here.filter((run) => run.runType === "user" && run.machineType === name);
      const taken = used.reduce((sum, run) => sum + run.slots, 0);
      if (taken > slots) return `${machine.name} was given ${taken} slots of ${name} and has ${slots}`;
    }
  }
  return undefined;
}

/** Who is told an end is told what is in the record. */
function newsTrue({ scene }: RecordView): string | undefined {
  for (const { runId, status } of scene.ledger.told.splice(0)) {
    const truth = recorded(runId)?.status;
    if (truth !== status) return `somebody was told that run ${runId} is ${status}, and the record says ${truth}`;
  }
  return undefined;
}

/** No more attempts than the policy of the run allows. */
function triedWithin({ changed }: RecordView): string | undefined {
  const much = changed.find(({ now }) => now.attempt > 1 + now.retries);
  return much && `run ${much.now.id} has ${much.now.attempt} attempts and may be tried again ${much.now.retries} times`;
}

/** The outputs of a run are those that its last attempt wrote, and are there when it is complete. */
function outputsRight({ changed }: RecordView): string | undefined {
  for (const { now } of changed) {
    if (now.endedAtMs === null) continue;
    const program = programOf(now.command);
    const { path, text } = outputOf(program, now.attempt);
    const bytes = Buffer.from(text);
    const file = { kind: "file", path, digest: digestOf(bytes), sizeBytes: bytes.length, executable: false } as const;
    const written = program.writes ? buildTree([file]).root : null;
    if (now.outputTree !== null && now.outputTree !== written)
      return `run ${now.id} shows outputs that its last attempt did not write`;
    if (now.status === "complete" && now.outputTree !== written) return `run ${now.id} is complete without its outputs`;
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
