/** `spell ps`: the latest runs, oldest first. */
import { isFinal } from "@spell/domain";
import type { Run } from "@spell/sdk";
import type { Command } from "commander";
import { usageError } from "../exit-codes.ts";
import { oneLine } from "../output/clean-text.ts";
import { cut, formatTable } from "../output/format.ts";
import { runToJson, statusName } from "../output/run-text.ts";
import { plain } from "../output/symbols.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

interface PsOptions {
  number: string;
  trunc: boolean;
  verbose?: boolean;
  raw?: boolean;
  json?: boolean;
}

const COMMAND_WIDTH = 25;

/** Adds the command to the program. */
export function registerPs(program: Command): void {
  program
    .command("ps")
    .description("List runs, the oldest first; those that have not ended are marked with *.")
    .option("-n, --number <N>", "how many, from the newest", "50")
    .option("--trunc", "cut long commands", true)
    .option("--no-trunc", "show whole commands")
    .option("-v, --verbose", "also commit, machine type, labels and description")
    .option("--raw", "comma-separated values without a heading")
    .option("--json", "print a JSON array")
    .action(ps);
}

async function ps(options: PsOptions): Promise<void> {
  const number = parseNumber(options.number);
  using client = openClient();
  const runs = (await client.runs.list({ number })).reverse();
  if (options.json) terminal.json(runs.map(runToJson));
  else if (options.raw) terminal.write(runs.map((run) => csvLine(cellsOf(run, options.verbose ?? false))).join(""));
  else terminal.write(table(runs, options));
}

/** The cells of a run's row. */
function cellsOf(run: Run, verbose: boolean): string[] {
  const { spec } = run.record;
  const cells = [String(run.id), spec?.codeRoot ?? "", run.command, statusName(run), run.owner];
  const more = [spec?.gitCommit.slice(0, 10) ?? "", run.machineType, run.labels.join(" "), spec?.description ?? ""];
  return (verbose ? [...cells, ...more] : cells).map((cell) => oneLine(cell).trim());
}

function table(runs: readonly Run[], { verbose = false, trunc }: PsOptions): string {
  const heading = ["ID", "REPOSITORY", "COMMAND", "STATUS", "CREATOR"];
  if (verbose) heading.push("COMMIT", "MACHINE", "LABELS", "DESCRIPTION");
  const rows = runs.map((run) => {
    const [id = "", repository = "", command = "", status = "", ...rest] = cellsOf(run, verbose);
    const shown = trunc ? plain(cut(command, COMMAND_WIDTH), terminal.emoji) : command;
    return [id, repository || "-", shown, isFinal(run.status) ? status : active(`*${status}`), ...rest];
  });
  return formatTable([heading, ...rows]);
}

function active(status: string): string {
  return terminal.colours ? `\x1b[32m${status}\x1b[39m` : status;
}

/** Cells with commas or quotes are quoted, so that the columns stay where they are. */
function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (/^[0-9]{1,4}$/.test(text) && number >= 1 && number <= 1000) return number;
  throw usageError(`--number needs a number from 1 to 1000, not "${text}".`);
}
