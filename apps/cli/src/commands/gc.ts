/** `spell gc`: removes from the coordinator's store what nothing names any more. */
import { SpellError } from "@spell/domain";
import type { CollectionProgress } from "@spell/sdk";
import type { Command } from "commander";
import { count, formatSize } from "../output/format.ts";
import { StatusLine } from "../output/status-line.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface GcOptions {
  dryRun?: boolean;
  despiteLosses?: boolean;
  json?: boolean;
}

const HELP = `
What runs, uploads, searches and pushed commits are made of stays, and whatever was stored within the last day (the coordinator's
--gc-grace-hours). The coordinator does the same by itself once a day. For the operator of a farm. Examples:
  spell gc --dry-run
  spell gc
`;

const STEPS: Readonly<Record<string, string>> = {
  marking: "Looking for what is in use",
  noting: "Looking for what is not",
  "deleting-blobs": "Removing",
  "deleting-objects": "Deleting objects",
};

/** Adds the command to the program. */
export function registerGc(program: Command): void {
  program
    .command("gc")
    .description("Remove from the store what nothing uses any more.")
    .option("--dry-run", "only tell what would be removed")
    .option("--despite-losses", "go on past folders that are lost; what was in them may then be removed")
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(gc);
}

async function gc(options: GcOptions): Promise<void> {
  const { dryRun, despiteLosses, json } = options;
  using client = openClient();
  using status = new StatusLine(json !== true);
  let last: CollectionProgress | undefined;
  for await (const progress of client.storage.collect({ dryRun, despiteLosses })) {
    last = progress;
    status.show(statusText(progress));
  }
  status.clear();
  if (last?.finished !== true) {
    throw new SpellError("unavailable", "The coordinator ended before the collection did: run spell gc again.");
  }
  if (json) terminal.json(toJson(last, dryRun ?? false));
  else terminal.write(outcomeText(last, dryRun ?? false));
}

function statusText({ step, aliveBlobs, deletedBytes }: CollectionProgress): string {
  const far = step === "deleting-objects" ? formatSize(deletedBytes) : count(aliveBlobs, "blob");
  return `${STEPS[step] ?? step}: ${far}`;
}

function outcomeText(outcome: CollectionProgress, dryRun: boolean): string {
  const { deadBlobs, deadBytes, deletedObjects, deletedBytes, aliveBlobs, droppedOutputs } = outcome;
  const verb = dryRun ? "Would remove" : "Removed";
  const dropped = droppedOutputs === 0 ? "" : `Dropped the outputs of ${count(droppedOutputs, "archived run")}.\n`;
  const unused = `${count(deadBlobs, "unused blob")} (${formatSize(deadBytes)})`;
  const freed = `${count(deletedObjects, "object")} of the store, which frees ${formatSize(deletedBytes)}`;
  return `${dropped}${verb} ${unused} and ${freed}.\n${count(aliveBlobs, "blob")} in use.\n`;
}

function toJson(outcome: CollectionProgress, dryRun: boolean): Record<string, unknown> {
  return {
    ...{ dry_run: dryRun, dead_blobs: outcome.deadBlobs, dead_bytes: outcome.deadBytes },
    ...{ deleted_objects: outcome.deletedObjects, deleted_bytes: outcome.deletedBytes },
    ...{ alive_blobs: outcome.aliveBlobs, dropped_outputs: outcome.droppedOutputs },
  };
}
