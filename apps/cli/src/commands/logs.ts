/** `spell logs`: what a run printed, and prints. */
import type { Command } from "commander";
import { addCommandFile } from "../command-file.ts";
import { usageError } from "../exit-codes.ts";
import { followLogs } from "../output/follow-logs.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

interface LogsOptions {
  follow?: boolean;
  tail?: string;
  delay?: boolean;
  verbose?: boolean;
  json?: boolean;
}

const HELP = `
^C ends the looking, never the run. Examples:
  spell logs -f 12
  spell logs -n 100 12 | grep loss
`;

/** Adds the command to the program. */
export function registerLogs(program: Command): void {
  const command = program
    .command("logs")
    .description("Show what a run prints.")
    .argument("<run-id>", "number of the run")
    .option("-f, --follow", "go on until the run has ended")
    .option("-n, --tail <N>", "only the last N entries")
    .option("-d, --delay", "show the entries as far apart as they were written")
    .option("-v, --verbose", "show every message as a line")
    .option("--json", "print JSON, one entry per line")
    .addHelpText("after", HELP)
    .action(logs);
  addCommandFile(command);
}

async function logs(word: string, { follow = false, tail, delay, verbose, json }: LogsOptions): Promise<void> {
  const id = parseId(word);
  const offset = tail === undefined ? 0 : -parseTail(tail);
  using client = openClient();
  const run = await client.runs.get(id);
  if (offset === 0 && tail !== undefined && !follow) return;
  const whenDetached = [`Use 'spell logs ${id}' to view logs again`];
  await followLogs(run, { follow, offset, delay, verbose, json, whenDetached });
}

function parseTail(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw usageError(`--tail needs a number, not "${text}".`);
}
