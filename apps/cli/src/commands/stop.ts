/** `spell stop`: stops runs and keeps what they wrote. */
import type { Command } from "commander";
import { batchLines, failureOf, forEachRun } from "../end-runs.ts";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

const HELP = `
Of several runs, those that have ended or do not exist are named and change nothing. Examples:
  spell stop 12
  spell stop 12 13 14
`;

/** Adds the command to the program. */
export function registerStop(program: Command): void {
  program
    .command("stop")
    .description("Stop runs and keep their outputs. A run that does not run yet is killed.")
    .argument("<run-id...>", "numbers of runs")
    .option("-q, --quiet", "say nothing but errors")
    .addHelpText("after", HELP)
    .action(stop);
}

async function stop(words: string[], { quiet = false }: { quiet?: boolean }): Promise<void> {
  const ids = words.map(parseId);
  const say = (line: string): void => (quiet ? undefined : terminal.line(line));
  using client = openClient();
  const [id] = ids;
  if (ids.length === 1 && id !== undefined) {
    await (await client.runs.get(id)).stop();
    say(`Stopping run ${id}. Use 'spell logs -f ${id}' to view logs while the job finishes.`);
    return;
  }
  say("Executing batch stop... Use 'spell logs -f RUN_ID' to view logs for a run while the job finishes.");
  const outcome = await forEachRun(client, ids, (run) => run.stop());
  for (const line of batchLines(outcome, "stop")) say(line);
  const failure = failureOf(outcome, "stop");
  if (failure !== undefined) throw failure;
}
