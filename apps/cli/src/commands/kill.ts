/** `spell kill`: ends runs at once. */
import type { Command } from "commander";
import { actOnRuns } from "../act-on-runs.ts";
import type { ActOptions } from "../act-on-runs.ts";
import { batchLines } from "../end-runs.ts";

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
    .option("--json", "print a JSON object: which runs were killed, and which not")
    .addHelpText("after", HELP)
    .action(kill);
}

function kill(words: string[], options: ActOptions): Promise<void> {
  return actOnRuns(words, options, {
    verb: "kill",
    act: (run) => run.kill(),
    one: String,
    before: "Executing batch kill...",
    many: (outcome) => batchLines(outcome, "kill"),
  });
}
