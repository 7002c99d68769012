/** `spell passwd`: sets the password with which `spell login --identity` opens a session. */
import type { Command } from "commander";
import { Questions } from "../ask.ts";
import { newPassword } from "../new-password.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";

const HELP = `
From a pipe it reads the current password, if there is one, and then the new one, each on a line of its own.

Example:
  spell passwd
`;

/** Adds the command to the program. */
export function registerPasswd(program: Command): void {
  program
    .command("passwd")
    .description("Set a new password. Your other sessions end; access tokens stay.")
    .option("--json", "print a JSON object: whose password was set")
    .addHelpText("after", HELP)
    .action(passwd);
}

async function passwd({ json = false }: { json?: boolean }): Promise<void> {
  using client = openClient();
  const { userName, hasPassword } = await client.account.whoAmI();
  using questions = new Questions();
  const oldPassword = hasPassword ? await questions.secret("Current password") : "";
  const password = await newPassword(undefined, "New password", questions);
  await client.users.changePassword({ oldPassword, newPassword: password });
  if (json) terminal.json({ user_name: userName });
  else terminal.line(hasPassword ? "Password changed successfully!" : "The password is set.");
}
