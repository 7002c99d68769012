/** `spell kill`: ends runs at once. */
import type { Command } from "commander";
import { batchLines, failureOf, forEachRun } from "../end-runs.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

const HELP = `
Of several runs, those that have ended or do not exist are named and change nothing. Examples:
  spell kill 12
  spell kill 12 13 14
`;

/** Adds the command to the program. */
export function registerKill(program: Command): void {
  program
    .command("kill")
    .description("End runs at once, saving nothing.")
    .argument("<run-id...>", "numbers of runs")
    .option("-q, --quiet", "say nothing but errors")
    .addHelpText("after", HELP)
    .action(kill);
}

async function kill(words: string[], { quiet = false }: { quiet?: boolean }): Promise<void> {
  const ids = words.map(parseId);
  const say = (line: string): void => (quiet ? undefined : terminal.line(line));
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    await (await client.runs.get(id)).kill();
    say(String(id));
    return;
  }
  say("Executing batch kill...");
  const outcome = await forEachRun(client, ids, (run) => run.kill());
  for (const line of batchLines(outcome, "kill")) say(line);
  const failure = failureOf(outcome, "kill");
  if (failure !== undefined) throw failure;
}
