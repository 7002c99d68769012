/** `spell du`: what takes the space of the coordinator's store. */
import { SpellError } from "@spell/domain";
import type { StoreItem, StoreTotals } from "@spell/sdk";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { oneLine } from "../output/clean-text.ts";
import { formatDescription } from "../output/description.ts";
import { count, formatListing, formatSize } from "../output/format.ts";
import { StatusLine } from "../output/status-line.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface DuOptions {
  number: number;
  json?: boolean;
}

const HELP = `
OWN is what only this uses: what would be freed if nothing named it any more. SHARED is what others use as well. Models are parts of
runs and uploads. For the operator of a farm. Examples:
  spell du
  spell du -n 100
`;

/** Adds the command to the program. */
export function registerDu(program: Command): void {
  program
    .command("du")
    .description("Show what takes the space of the store: by run, project, upload, code and model.")
    .option("-n, --number <N>", "how many lines at most", positive, 30)
    .option("--json", "print a JSON object with all of them")
    .addHelpText("after", HELP)
    .action(du);
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1 on.");
  return value;
}

async function du(options: DuOptions): Promise<void> {
  using client = openClient();
  using status = new StatusLine(options.json !== true);
  const items: StoreItem[] = [];
  let totals: StoreTotals | undefined;
  for await (const progress of client.storage.measure()) {
    items.push(...progress.items);
    totals = progress.totals ?? totals;
    status.show(`Measuring: ${count(progress.checkedBlobs, "blob")}`);
  }
  status.clear();
  if (totals === undefined) throw new SpellError("unavailable", "The coordinator ended before it was done: try again.");
  if (options.json) terminal.json(toJson(items, totals));
  else terminal.write(toText(items, totals, options.number));
}

function toText(items: readonly StoreItem[], totals: StoreTotals, most: number): string {
  const rows = items.slice(0, most).map(({ kind, owner, name, ownBytes, sharedBytes }) => {
    return [formatSize(ownBytes), formatSize(sharedBytes), kind, owner, name].map(oneLine);
  });
  const more = items.length - rows.length;
  const rest = more === 0 ? "" : `and ${more} more (-n ${items.length} shows all)\n`;
  return `${formatListing(["OWN", "SHARED", "KIND", "OWNER", "NAME"], rows)}${rest}\n${totalsText(totals)}`;
}

function totalsText(totals: StoreTotals): string {
  return formatDescription([
    ["Stored", `${formatSize(totals.storedBytes)} in ${count(totals.objects, "object")}`],
    ["In use", formatSize(totals.usedBytes)],
    ["Unused", `${formatSize(totals.deadBytes)} (spell gc removes what is old enough)`],
    ["Waste in packs", formatSize(totals.wasteBytes)],
    ["Uncommitted", formatSize(totals.uncommittedBytes)],
  ]);
}

function toJson(items: readonly StoreItem[], totals: StoreTotals): Record<string, unknown> {
  return {
    items: items.map(({ kind, owner, name, ownBytes, sharedBytes }) => ({
      ...{ kind, owner, name, own_bytes: ownBytes, shared_bytes: sharedBytes },
    })),
    totals: {
      ...{ objects: totals.objects, stored_bytes: totals.storedBytes, used_bytes: totals.usedBytes },
      ...{ dead_bytes: totals.deadBytes, waste_bytes: totals.wasteBytes },
      uncommitted_bytes: totals.uncommittedBytes,
    },
  };
}
