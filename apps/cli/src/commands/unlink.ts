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
    .addHelpText("after", "\nExample:\n  spell unlink best\n")
    .action(unlink);
}

async function unlink(alias: string): Promise<void> {
  using client = openClient();
  await client.links.remove(alias);
  terminal.line(`Successfully removed link with alias ${alias}.`);
}
