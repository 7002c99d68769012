/** `spell unlink`: removes a link; what it leads to stays. */
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerUnlink(program: Command): void {
  program
    .command("unlink")
    .description("Remove a link; what it leads to stays.")
    .argument("<alias>", "the link's name")
    .option("--json", "print a JSON object: what was removed")
    .addHelpText("after", "\nExample:\n  spell unlink best\n")
    .action(unlink);
}

async function unlink(alias: string, { json = false }: { json?: boolean }): Promise<void> {
  using client = openClient();
  await client.links.remove(alias);
  if (json) terminal.json({ removed: alias });
  else terminal.line(`Successfully removed link with alias ${alias}.`);
}
