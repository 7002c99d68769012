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
  json?: boolean;
}

const HELP = `
Every tree that runs, uploads and the like are made of is walked to its ends; every object must be there and long enough. What is lost is
named with what it is part of, and the exit code is 1. Nothing is changed. For the operator of a farm. Examples:
  spell fsck
  spell fsck --read-data
`;

/** Adds the command to the program. */
export function registerFsck(program: Command): void {
  program
    .command("fsck")
    .description("Check that all that is used is in the store, whole.")
    .option("--read-data", "also read and hash every byte in use")
    .option("--json", "print a JSON object")
    .addHelpText("after", HELP)
    .action(fsck);
}

async function fsck({ readData, json }: FsckOptions): Promise<void> {
  using client = openClient();
  using status = new StatusLine(json !== true);
  const losses: StoreLoss[] = [];
  let last: CheckProgress | undefined;
  for await (const progress of client.storage.check({ readData })) {
    last = progress;
    for (const loss of progress.losses) {
      status.clear();
      if (json) losses.push(loss);
      else await terminal.writeSlowly(lossText(loss));
    }
    status.show(statusText(progress));
  }
  status.clear();
  if (last?.finished !== true) {
    throw new SpellError("unavailable", "The coordinator ended before the check did: run spell fsck again.");
  }
  if (last.lostBlobs > 0) exitWith(EXIT_ERROR);
  if (json) terminal.json(toJson(last, losses));
  else terminal.write(outcomeText(last, readData ?? false));
}

function lossText({ resource, owner, path, why, models }: StoreLoss): string {
  const where = path === "" ? "all of it" : path;
  const touched = models.length === 0 ? "" : `; touches ${count(models.length, "model")}: ${models.join(", ")}`;
  const whose = owner === "" ? "" : ` of ${owner}`;
  return `${oneLine(`Lost: ${resource}${whose}: ${where} (${why})${touched}`)}\n`;
}

function statusText({ step, checkedObjects, checkedBlobs, readBytes }: CheckProgress): string {
  if (step === "objects") return `Looking for objects: ${checkedObjects}`;
  if (step === "data") return `Reading: ${formatSize(readBytes)}`;
  return `Walking trees: ${count(checkedBlobs, "blob")}`;
}

function outcomeText({ checkedObjects, checkedBlobs, readBytes, lostBlobs }: CheckProgress, readData: boolean): string {
  const read = readData ? `, ${formatSize(readBytes)} read` : "";
  const checked = `${count(checkedBlobs, "blob")} in ${count(checkedObjects, "object")} checked${read}`;
  return `${checked}: ${lostBlobs === 0 ? "all is there" : `${count(lostBlobs, "blob")} lost`}.\n`;
}

function toJson(last: CheckProgress, losses: readonly StoreLoss[]): Record<string, unknown> {
  const { checkedObjects, checkedBlobs, readBytes, lostBlobs } = last;
  return {
    ...{ checked_objects: checkedObjects, checked_blobs: checkedBlobs, read_bytes: readBytes, lost_blobs: lostBlobs },
    losses: losses.map(({ resource, owner, path, digest, why, models }) => ({
      ...{ resource, owner, path, digest, why, models },
    })),
  };
}
