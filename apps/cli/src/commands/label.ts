/** `spell label`: puts labels on runs and takes them off. */
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { parseId } from "../run-id.ts";
import { openClient } from "../session.ts";

const HELP = `
Labels find runs again: spell ps --label NAME. Examples:
  spell label 12 baseline
  spell label 12 baseline --remove
`;

/** Adds the command to the program. */
export function registerLabel(program: Command): void {
  program
    .command("label")
    .description("Put a label on a run, or take it off.")
    .argument("<run-id>", "number of the run")
    .argument("<label>", "the label")
    .option("--remove", "take it off")
    .option("--json", "print a JSON object: the run's labels")
    .addHelpText("after", HELP)
    .action(label);
}

interface LabelOptions {
  remove?: boolean;
  json?: boolean;
}

async function label(word: string, name: string, { remove = false, json }: LabelOptions): Promise<void> {
  const id = parseId(word);
  using client = openClient();
  const run = await client.runs.get(id);
  if (remove) await run.removeLabel(name);
  else await run.addLabel(name);
  if (json) terminal.json({ id, labels: run.labels });
  else terminal.line(`Successfully ${remove ? "removed" : "added"} label ${name} ${remove ? "from" : "to"} run ${id}.`);
}
