/** `spell logout`: ends the session and forgets it. */
import { messageOf } from "@spell/domain";
import {
  SpellClient,
  configurationPath,
  coordinatorOf,
  hasCode,
  parseAddresses,
  readConfigurationFile,
  removeConfigurationFile,
} from "@spell/sdk";
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { environment } from "../config.ts";

/** Adds the command to the program. */
export function registerLogout(program: Command): void {
  program
    .command("logout")
    .description("End the session and forget it. Runs go on; access tokens stay good until they are deleted.")
    .option("--json", "print a JSON object: whether somebody was logged in")
    .addHelpText("after", "\nExample:\n  spell logout\n")
    .action(logout);
}

async function logout({ json = false }: { json?: boolean }): Promise<void> {
  const path = configurationPath(environment);
  const problem = await endSession(path).catch(messageOf);
  const removed = removeConfigurationFile(path);
  if (json) terminal.json({ logged_out: removed });
  else terminal.line(removed ? "Bye!" : "You were not logged in.");
  if (problem !== undefined) terminal.error(`The session may still be open at the coordinator: ${problem}`);
}

/** Says what went wrong; a session that is over already is none. */
async function endSession(path: string): Promise<string | undefined> {
  const file = readConfigurationFile(path);
  if (!file.token) return undefined;
  const coordinator = parseAddresses(coordinatorOf(environment, file)).join(",");
  using client = new SpellClient({ token: file.token, coordinator }, { connectForMs: 3_000, retryForMs: 3_000 });
  try {
    await client.users.logOut();
    return undefined;
  } catch (error) {
    return hasCode(error, "unauthenticated") ? undefined : messageOf(error);
  }
}
