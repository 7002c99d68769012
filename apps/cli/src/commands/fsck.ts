/** `spell fsck`: whether all that is used is in the coordinator's store, whole. */
import { SpellError } from "@spell/domain";
import type { CheckProgress, StoreLoss } from "@spell/sdk";
import type { Command } from "commander";
import { EXIT_ERROR, exitWith } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { count, formatSize } from "../output/format.ts";
import { StatusLine } from "../output/status-line.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface FsckOptions {
  readData?: boolean;
  repair?: boolean;
  json?: boolean;
}

const HELP = `
Every tree that runs, uploads and the like are made of is walked to its ends; every object must be there and long enough. What is lost is
named with what it is part of, and the exit code is 1. Nothing is changed, unless --repair is given: then the agents that are connected are
asked for what is lost, and what their caches still hold is stored again. For the operator of a farm. Examples:
  spell fsck
  spell fsck --read-data --repair
`;

/** Adds the command to the program. */
export function registerFsck(program: Command): void {
  program
    .command("fsck")
    .description("Check that all that is used is in the store, whole.")
    .option("--read-data", "also read and hash every byte in use")
    .option("--repair", "store again what is lost, from the caches of agents")
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(fsck);
}

async function fsck({ readData, repair, json }: FsckOptions): Promise<void> {
  using client = openClient();
  using status = new StatusLine(json !== true);
  const losses: StoreLoss[] = [];
  const notes: string[] = [];
  let last: CheckProgress | undefined;
  for await (const progress of client.storage.check({ readData, repair })) {
    last = progress;
    for (const loss of progress.losses) {
      status.clear();
      if (json) losses.push(loss);
      else await terminal.writeSlowly(lossText(loss));
    }
    for (const note of progress.notes) {
      status.clear();
      if (json) notes.push(note);
      else await terminal.writeSlowly(`${oneLine(note)}\n`);
    }
    status.show(statusText(progress));
  }
  status.clear();
  if (last?.finished !== true) {
    throw new SpellError("unavailable", "The coordinator ended before the check did: run spell fsck again.");
  }
  if (last.lostBlobs > 0) exitWith(EXIT_ERROR);
  if (json) terminal.json(toJson(last, losses, notes));
  else terminal.write(outcomeText(last, readData ?? false));
}

function lossText({ resource, owner, path, why, models, repairedFrom }: StoreLoss): string {
  const where = path === "" ? "all of it" : path;
  if (repairedFrom !== "") {
    return `${oneLine(`Repaired: ${resource}${ownerText(owner)}: ${where} (from the cache of ${repairedFrom}; ${why})`)}\n`;
  }
  const touched = models.length === 0 ? "" : `; touches ${count(models.length, "model")}: ${models.join(", ")}`;
  return `${oneLine(`Lost: ${resource}${ownerText(owner)}: ${where} (${why})${touched}`)}\n`;
}

function ownerText(owner: string): string {
  return owner === "" ? "" : ` of ${owner}`;
}

function statusText(progress: CheckProgress): string {
  const { step, checkedObjects, checkedBlobs, readBytes, repairedBytes } = progress;
  if (step === "repairing") return `Repairing: ${formatSize(repairedBytes)}`;
  if (step === "objects") return `Looking for objects: ${checkedObjects}`;
  if (step === "data") return `Reading: ${formatSize(readBytes)}`;
  return `Walking trees: ${count(checkedBlobs, "blob")}`;
}

function outcomeText(outcome: CheckProgress, readData: boolean): string {
  const { checkedObjects, checkedBlobs, readBytes, lostBlobs, repairedBlobs, repairedBytes } = outcome;
  const read = readData ? `, ${formatSize(readBytes)} read` : "";
  const checked = `${count(checkedBlobs, "blob")} in ${count(checkedObjects, "object")} checked${read}`;
  const repaired =
    repairedBlobs === 0 ? "" : `${count(repairedBlobs, "blob")} (${formatSize(repairedBytes)}) repaired, `;
  return `${checked}: ${repaired}${lostBlobs === 0 ? "all is there" : `${count(lostBlobs, "blob")} lost`}.\n`;
}

function toJson(last: CheckProgress, losses: readonly StoreLoss[], notes: readonly string[]): Record<string, unknown> {
  const { checkedObjects, checkedBlobs, readBytes, lostBlobs, repairedBlobs, repairedBytes } = last;
  return {
    ...{ checked_objects: checkedObjects, checked_blobs: checkedBlobs, read_bytes: readBytes, lost_blobs: lostBlobs },
    ...{ repaired_blobs: repairedBlobs, repaired_bytes: repairedBytes, notes },
    losses: losses.map(({ resource, owner, path, digest, why, models, repairedFrom }) => ({
      ...{ resource, owner, path, digest, why, models, repaired_from: repairedFrom },
    })),
  };
}
