/** `spell archive`: hides ended runs. */
import type { Command } from "commander";
import { failureOf, forEachRun } from "../end-runs.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

const HELP = `
An archived run is in no list any more, and nothing can mount what it wrote. It cannot be taken back. Examples:
  spell archive 12
  spell archive 12 13 14
`;

/** Adds the command to the program. */
export function registerArchive(program: Command): void {
  program
    .command("archive")
    .description("Hide runs that have ended, with their outputs.")
    .argument("<run-id...>", "numbers of runs")
    .option("-q, --quiet", "say nothing but errors")
    .addHelpText("after", HELP)
    .action(archive);
}

async function archive(words: string[], { quiet = false }: { quiet?: boolean }): Promise<void> {
  const ids = words.map(parseId);
  const say = (line: string): void => (quiet ? undefined : terminal.line(line));
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    await (await client.runs.get(id)).archive();
    say(String(id));
    return;
  }
  const outcome = await forEachRun(client, ids, (run) => run.archive());
  const { done, missing, refused } = outcome;
  for (const { message } of refused) say(message);
  if (missing.length > 0) say(`Run ID does not exist: ${missing.join(" ")}`);
  if (done.length > 0) say(`Successfully archived runs: ${done.join(" ")}`);
  const failure = failureOf(outcome, "archive");
  if (failure !== undefined) throw failure;
}
