/** From words to a command to an exit code. Only the module of the command that was asked for is loaded. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { COMMANDS, commandNamed } from "./command-table.ts";
import { EXIT_CODES_HELP, EXIT_OK, EXIT_USAGE, exitCodeOf } from "./exit-codes.ts";
import { errorText } from "./output/error-text.ts";
import { terminal } from "./output/terminal.ts";

/** Runs one command line (without node and script) and gives the exit code. Never throws. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(args);
    await program.parseAsync([...args], { from: "user" });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 || error.code === "commander.help" ? EXIT_OK : EXIT_USAGE;
    terminal.error(errorText(error, { json: asksForJson(args) }));
    return exitCodeOf(error);
  } finally {
    await terminal.flush();
  }
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("spell")
    .description("Runs machine-learning work on machines you own.")
    .version(version(), "--version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
    })
    .addHelpText("after", `\n${EXIT_CODES_HELP}`);
  const word = args.find((each) => !each.startsWith("-"));
  const asked = commandNamed(word);
  if (asked !== undefined) {
    (await asked.load())(program);
  } else {
    for (const { name, summary, hidden } of COMMANDS) program.command(name, { hidden }).description(summary);
    program.argument("[command...]").action((words: string[]) => {
      if (words[0] === undefined) program.help();
      else program.error(`error: there is no command "${words[0]}". "spell --help" lists them.`);
    });
  }
  return program;
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String((manifest as { version?: unknown }).version);
}

/** Whether errors are wanted as JSON: looked up by hand, because the words may be what cannot be understood. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}
