/** `spell agent`: lets this machine join a farm, and steers the machines that have. */
import type { Command } from "commander";
import { registerSteering } from "./agent-steering.ts";
import { terminal } from "../output/terminal.ts";
import { openClient } from "../session.ts";
import { runApp } from "../up/run-app.ts";

/** Adds the command to the program. */
export function registerAgent(program: Command): void {
  const agent = program.command("agent").description("Let this machine join a farm, and steer those that have.");
  registerSteering(agent);
  agent
    .command("start")
    .description(
      "Execute runs on this machine until ^C. Takes the agent's options: spell agent start --help shows them.",
    )
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[options...]")
    .action(async (words: string[]) => {
      await runApp("agent", words, {
        ready: ({ agentId }) => terminal.say("spark", `Connected as ${String(agentId)}. Stop with ^C.`),
      });
    });
  agent
    .command("token")
    .description("Make a one-time join token and show the line that adds a machine.")
    .option("--quiet", "print the token alone")
    .option("--json", "print a JSON object")
    .addHelpText("after", "\nExample:\n  spell agent token --json\n")
    .action(async (options: { quiet?: boolean; json?: boolean }) => {
      using client = openClient();
      const joinToken = await client.account.createJoinToken();
      const { coordinator } = client.configuration;
      if (options.json) terminal.json({ coordinator, token: joinToken });
      else if (options.quiet) terminal.line(joinToken);
      else terminal.line(`spell agent start --coordinator ${coordinator} --token ${joinToken}`);
    });
}
