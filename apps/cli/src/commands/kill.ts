/** `spell kill`: ends runs at once. */
import type { Command } from "commander";
import { endRuns, reportBatch } from "../end-runs.ts";
import { EXIT_ERROR, UsageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerKill(program: Command): void {
  program
    .command("kill")
    .description("End runs at once, saving nothing.")
    .argument("<run-id...>", "numbers of runs")
    .option("-q, --quiet", "say nothing but errors")
    .action(kill);
}

async function kill(words: string[], { quiet = false }: { quiet?: boolean }): Promise<void> {
  const ids = words.map(parseId);
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    const run = await client.runs.get(id);
    await run.kill();
    if (!quiet) terminal.line(String(id));
    return;
  }
  const fine = reportBatch(await endRuns(client, ids, "kill"), "Killing", { quiet });
  if (!fine) throw new UsageError(EXIT_ERROR, "Not all of these runs could be killed.");
}
