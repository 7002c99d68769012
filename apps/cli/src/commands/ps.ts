/** `spell ps`: the latest runs, oldest first. */
import type { Run } from "@spell/sdk";
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { usageError } from "../exit-codes.ts";
import { formatListing } from "../output/format.ts";
import { csvLine, runListing } from "../output/run-listing.ts";
import { runToJson } from "../output/run-text.ts";
import { terminal } from "../output/terminal.ts";
import { projectNamed } from "../project-option.ts";
import { openClient } from "../session.ts";
import { collect } from "../shared-options.ts";

interface PsOptions {
  number: string;
  repository?: string;
  label?: string[];
  project?: string;
  trunc: boolean;
  verbose?: boolean;
  raw?: boolean;
  json?: boolean;
}

const HELP = `
Times are yours. Examples:
  spell ps -n 10
  spell ps --json | jq '.[] | select(.status == "failed").id'
`;

/** Adds the command to the program. */
export function registerPs(program: Command): void {
  const command = program
    .command("ps")
    .description("List runs, the oldest first; a machine is busy with those marked with *.")
    .option("-n, --number <N>", "how many, from the newest", "50")
    .option("-r, --repository <NAME>", "only runs of this repository (the name of their code's root)")
    .option("-l, --label <NAME>", "only runs with this label; may be repeated: with any of them", collect)
    .option("-p, --project <NAME>", "only runs in this project")
    .option("--trunc", "cut long commands", true)
    .option("--no-trunc", "show whole commands")
    .option("-v, --verbose", "also commit, times, labels, machine type and description")
    .option("--raw", "comma-separated values without a heading")
    .option("--json", "print a JSON array")
    .addHelpText("after", HELP)
    .action(ps);
  addCommandFile(command);
}

async function ps(options: PsOptions): Promise<void> {
  const { repository, label } = options;
  const number = parseNumber(options.number);
  using client = openClient();
  const projectId = options.project === undefined ? undefined : (await projectNamed(client, options.project)).id;
  const runs: Run[] = (await client.runs.list({ number, repository, labels: label, projectId })).reverse();
  if (options.json) {
    terminal.json(runs.map(runToJson));
    return;
  }
  const { trunc, verbose = false } = options;
  const { emoji, colours } = terminal;
  const { headings, rows } = runListing(runs, { trunc, verbose, emoji, colours, now: new Date() });
  terminal.write(options.raw ? rows.map(csvLine).join("") : formatListing(headings, rows));
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && number >= 1 && number <= 10_000) return number;
  throw usageError(`--number needs a number from 1 to 10000, not "${text}".`);
}
