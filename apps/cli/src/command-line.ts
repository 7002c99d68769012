/** From words to a command to an exit code. Only the module of the command that was asked for is loaded. */
import type { Command } from "commander";
import { CommanderError } from "commander";
import { COMMANDS, commandNamed } from "./command-table.ts";
import { EXIT_OK, EXIT_USAGE, chosenExitCode, exitCodeOf } from "./exit-codes.ts";
import { asksForStack, commandPosition } from "./global-options.ts";
import { errorText, stackText } from "./output/error-text.ts";
import { terminal } from "./output/terminal.ts";
import { addDocs } from "./docs-option.ts";
import { createEmptyProgram } from "./program.ts";

/** Runs one command line (without node and script) and gives the exit code. Never throws. */
export async function runCommandLine(given: readonly string[], version: string): Promise<number> {
  const args = helpAsOption(given);
  try {
    const program = await createProgram(args, version);
    await program.parseAsync([...args], { from: "user" });
    return chosenExitCode();
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 || error.code === "commander.help" ? EXIT_OK : EXIT_USAGE;
    terminal.error(errorText(error, { json: asksForJson(args) }));
    if (asksForStack(args)) terminal.error(stackText(error));
    return exitCodeOf(error);
  } finally {
    await terminal.flush();
  }
}

async function createProgram(args: readonly string[], version: string): Promise<Command> {
  const at = commandPosition(args);
  const wantsAll = args.slice(0, Math.max(at, 0)).some((word) => word === "-h" || word === "--help");
  const asked = wantsAll ? undefined : commandNamed(args[at]);
  const program = createEmptyProgram().version(version, "--version", "show the version");
  if (asked !== undefined) {
    (await asked.load())(program);
  } else {
    for (const { name, summary, hidden } of COMMANDS) program.command(name, { hidden }).description(summary);
    // Without a word there is nothing wrong: the help goes where results go.
    if (at === -1) program.action(() => program.help());
  }
  addDocs(program);
  return program;
}

/** `spell help run` is `spell run --help`. */
function helpAsOption(args: readonly string[]): readonly string[] {
  const at = commandPosition(args);
  return args[at] === "help" ? [...args.slice(0, at), ...args.slice(at + 1), "--help"] : args;
}

/** Whether errors are wanted as JSON: looked up by hand, because the words may be what cannot be understood. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}
