/** `spell whoami`: who is logged in, and where. */
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

/** Adds the command to the program. */
export function registerWhoAmI(program: Command): void {
  program
    .command("whoami")
    .alias("me")
    .description("Show who is logged in, and where.")
    .option("--json", "print a JSON object")
    .action(whoAmI);
}

async function whoAmI(options: { json?: boolean }): Promise<void> {
  using client = openClient();
  const { userName, email } = await client.account.whoAmI();
  const { coordinator } = client.configuration;
  if (options.json) terminal.json({ user_name: userName, email, coordinator });
  else terminal.line(`${userName}${email && ` <${email}>`} at ${coordinator}`);
}
