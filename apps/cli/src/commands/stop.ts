/** `spell stop`: stops runs and keeps what they wrote. */
import type { Command } from "commander";
import { actOnRuns } from "../act-on-runs.ts";
import type { ActOptions } from "../act-on-runs.ts";
import { batchLines } from "../end-runs.ts";

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
    .option("--json", "print a JSON object: which runs were stopped, and which not")
    .addHelpText("after", HELP)
    .action(stop);
}

function stop(words: string[], options: ActOptions): Promise<void> {
  return actOnRuns(words, options, {
    verb: "stop",
    act: (run) => run.stop(),
    one: (id) => `Stopping run ${id}. Use 'spell logs -f ${id}' to view logs while the job finishes.`,
    before: "Executing batch stop... Use 'spell logs -f RUN_ID' to view logs for a run while the job finishes.",
    many: (outcome) => batchLines(outcome, "stop"),
  });
}
