/** `spell owner`: whose runs commands are about. There are no organisations, so it can only be the user. */
import { configurationPath, writeConfigurationFile } from "@spell/sdk";
import type { Command } from "commander";
import { EXIT_ERROR, UsageError } from "../exit-codes.ts";
import { terminal } from "../output/terminal.ts";
import { environment } from "../config.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerOwner(program: Command): void {
  program
    .command("owner")
    .description("Show, or set, whose runs commands are about: yours, as there are no organisations.")
    .argument("[name]", "your user name")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell owner\n")
    .action(owner);
}

async function owner(name: string | undefined, options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const { userName } = await client.account.whoAmI();
  if (name !== undefined) {
    if (name !== userName) {
      throw new UsageError(
        EXIT_ERROR,
        `Invalid owner name: ${name}. Yours is ${userName}; there are no organisations.`,
      );
    }
    // With a token from the environment there is no file to change.
    if (!environment["SPELL_TOKEN"]) writeConfigurationFile(configurationPath(environment), { owner: userName });
  }
  if (options.json) terminal.json({ owner: userName });
  else terminal.line(`${terminal.emoji ? "➔" : "*"} ${userName}`);
}
