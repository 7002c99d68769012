/** `spell stop`: asks runs to end and keeps what they wrote. */
import type { Command } from "commander";
import { endRuns, reportBatch } from "../end-runs.ts";
import { EXIT_ERROR, UsageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerStop(program: Command): void {
  program
    .command("stop")
    .description("Stop runs and keep their outputs. A run that has not started yet is killed.")
    .argument("<run-id...>", "numbers of runs")
    .option("-q, --quiet", "say nothing but errors")
    .action(stop);
}

async function stop(words: string[], { quiet = false }: { quiet?: boolean }): Promise<void> {
  const ids = words.map(parseId);
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    const run = await client.runs.get(id);
    await run.stop();
    if (!quiet) terminal.line(`Stopping run ${id}. Use 'spell logs -f ${id}' to view logs while the job finishes.`);
    return;
  }
  const fine = reportBatch(await endRuns(client, ids, "stop"), "Stopping", { quiet });
  if (!fine) throw new UsageError(EXIT_ERROR, "Not all of these runs could be stopped.");
}
