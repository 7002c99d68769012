/** `spell archive`: hides ended runs. */
import type { Command } from "commander";
import { actOnRuns } from "../act-on-runs.ts";
import type { ActOptions } from "../act-on-runs.ts";
import type { BatchOutcome } from "../end-runs.ts";

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
    .option("--json", "print a JSON object: which runs were archived, and which not")
    .addHelpText("after", HELP)
    .action(archive);
}

function archive(words: string[], options: ActOptions): Promise<void> {
  return actOnRuns(words, options, { verb: "archive", act: (run) => run.archive(), one: String, many });
}

function many({ done, missing, refused }: BatchOutcome): string[] {
  const lines = refused.map(({ message }) => message);
  if (missing.length > 0) lines.push(`Run ID does not exist: ${missing.join(" ")}`);
  if (done.length > 0) lines.push(`Successfully archived runs: ${done.join(" ")}`);
  return lines;
}
