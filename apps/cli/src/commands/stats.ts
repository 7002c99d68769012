/** `spell stats`: what a run uses of its machine right now. */
import type { Run } from "@spell/sdk";
import type { Command } from "commander";
import { connectionNotes } from "../output/connection-notes.ts";
import { statsText, statsToJson } from "../output/stats-text.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

interface StatsCommandOptions {
  follow?: boolean;
  json?: boolean;
}

const HELP = `
Only a run that is running uses anything. CPU % is of one core; network traffic is the machine's since the run began there.
^C ends the looking, never the run. Examples:
  spell stats 12
  spell stats -f --json 12 | jq .memory_bytes
`;
/** Clears the screen, and puts the cursor into its corner. */
const ANEW = "\x1b[2J\x1b[H";

/** Adds the command to the program. */
export function registerStats(program: Command): void {
  program
    .command("stats")
    .description("Show what a run uses of its machine.")
    .argument("<run-id>", "number of the run")
    .option("-f, --follow", "go on until the run has ended")
    .option("--json", "print JSON, one sample per line")
    .addHelpText("after", HELP)
    .action(stats);
}

async function stats(word: string, options: StatsCommandOptions): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  const run = await client.runs.get(id);
  const abort = new AbortController();
  const detach = (): void => abort.abort();
  process.once("SIGINT", detach);
  try {
    await show(run, options, abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    if (!options.json) terminal.line();
  } finally {
    process.removeListener("SIGINT", detach);
  }
}

async function show(run: Run, { follow = false, json = false }: StatsCommandOptions, signal: AbortSignal) {
  const onNotRunning = (message: string): void => {
    if (json) terminal.error(message);
    else terminal.line(message);
  };
  const before = !follow ? "" : terminal.isTty ? ANEW : "\n";
  const connection = connectionNotes();
  try {
    for await (const sample of run.stats({ follow, signal, onNotRunning, onConnection: connection.changed })) {
      const text = json ? `${JSON.stringify(statsToJson(sample))}\n` : before + statsText(run.id, sample);
      await terminal.writeSlowly(text);
    }
  } finally {
    connection.stop();
  }
}
