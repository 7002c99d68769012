/** `spell logout`: forgets the coordinator and the token. */
import { configurationPath, removeConfigurationFile } from "@spell/sdk";
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { environment } from "../config.ts";

/** Adds the command to the program. */
export function registerLogout(program: Command): void {
  program
    .command("logout")
    .description("Forget the coordinator and the token. Runs are not affected.")
    .action(() => {
      const removed = removeConfigurationFile(configurationPath(environment));
      terminal.line(removed ? "Logged out." : "You were not logged in.");
    });
}
