/** `spell coordinator`: a coordinator by itself, for a farm of several machines. */
import type { Command } from "commander";
import { terminal } from "../output/terminal.ts";
import type { OnLine } from "../up/run-app.ts";
import { runApp } from "../up/run-app.ts";

/** Adds the command to the program. */
export function registerCoordinator(program: Command): void {
  program
    .command("coordinator")
    .description("Start a coordinator by itself.")
    .command("start")
    .description(
      "Serve clients and agents until ^C. With --database it stands by while another one leads, and is started again when it ends. " +
        "Takes the coordinator's options: --help shows them.",
    )
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[options...]")
    .action(async (words: string[]) => {
      const on: OnLine = {
        ready: ({ coordinator, api }) =>
          terminal.say(
            "spark",
            `Coordinator at ${String(coordinator)} (gRPC) and ${String(api)} (HTTP). Stop with ^C.`,
          ),
        standby: ({ coordinator, leader }) =>
          terminal.say("spark", `Standing by at ${String(coordinator)}: ${String(leader)} leads. Stop with ^C.`),
      };
      await runApp("coordinator", words, on, { again: true });
    });
}
