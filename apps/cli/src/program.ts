/** The `spell` program before it has any command. */
import { Command } from "commander";
import { EXIT_CODES_HELP } from "./exit-codes.ts";
import { addGlobalOptions } from "./global-options.ts";
import { terminal } from "./output/terminal.ts";

const EXAMPLES = `Examples:
  spell run python train.py -t V100      run a command on a machine of a type
  spell ps                               what runs, and what has run
  spell logs -f 12                       what run 12 prints
  spell run --help                       all about a command`;

/** Errors of it are thrown; texts go to the terminal. */
export function createEmptyProgram(): Command {
  const program = new Command("spell")
    .description("Runs machine-learning work on machines you own.")
    .usage("[options] COMMAND [words...]")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
    })
    .addHelpText("after", `\n${EXAMPLES}\n\n${EXIT_CODES_HELP}`);
  return addGlobalOptions(program);
}
