/** `spell completion`: what a shell needs to complete commands, options and the numbers of runs. */
import type { Command } from "commander";
import { Argument } from "commander";
import { COMPLETION_SCRIPTS } from "../completion/scripts.ts";
import { terminal } from "../output/terminal.ts";

const HELP = `
Put the line of your shell where it is read at its start:
  bash  eval "$(spell completion bash)"                                     in ~/.bashrc
  zsh   eval "$(spell completion zsh)"                                      in ~/.zshrc
  fish  spell completion fish > ~/.config/fish/completions/spell.fish       once
`;

/** Adds the command to the program. */
export function registerCompletion(program: Command): void {
  program
    .command("completion")
    .description("Print what lets a shell complete commands, options, machine types and runs.")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(Object.keys(COMPLETION_SCRIPTS)))
    .addHelpText("after", HELP)
    .action((shell: string) => terminal.write(COMPLETION_SCRIPTS[shell] ?? ""));
}
