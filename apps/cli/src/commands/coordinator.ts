/** `spell coordinator`: a coordinator by itself, for a farm of several machines. */
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import { runApp } from "../up/run-app.ts";

/** Adds the command to the program. */
export function registerCoordinator(program: Command): void {
  program
    .command("coordinator")
    .description("Start a coordinator by itself.")
    .command("start")
    .description("Serve clients and agents until ^C. Takes the coordinator's options: --help shows them.")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[options...]")
    .action(async (words: string[]) => {
      await runApp("coordinator", words, ({ coordinator, api }) =>
        terminal.say("spark", `Coordinator at ${String(coordinator)} (gRPC) and ${String(api)} (HTTP). Stop with ^C.`),
      );
    });
}
