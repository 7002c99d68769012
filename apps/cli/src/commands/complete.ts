/** `spell complete -- WORDS`: what can stand in place of the last word. Asked by shells, one answer per line. */
import type { Command } from "commander";
import { COMMANDS, commandNamed } from "../command-table.ts";
import type { Answer } from "../completion/answers.ts";
import { FILES, answersTo } from "../completion/answers.ts";
import { questionOf } from "../completion/question.ts";
import { commandPosition } from "../global-options.ts";
import { oneLine } from "../output/clean-text.ts";
import { terminal } from "../output/terminal.ts";
import { createEmptyProgram } from "../program.ts";

/** Adds the command to the program. */
export function registerComplete(program: Command): void {
  program
    .command("complete", { hidden: true })
    .description("Answer a shell that completes words.")
    .argument("[words...]", "the words behind `spell`; the last one is being typed")
    .addHelpText("after", "\nExample:\n  spell complete -- run --mach\n")
    .action(complete);
}

async function complete(words: string[]): Promise<void> {
  const program = createEmptyProgram();
  const asked = commandNamed(words.slice(0, -1)[commandPosition(words.slice(0, -1))]);
  if (asked !== undefined) (await asked.load())(program);
  else for (const { name, summary, hidden } of COMMANDS) program.command(name, { hidden }).description(summary);
  const current = words.at(-1) ?? "";
  // No answer is no error: the shell has nowhere to show one.
  const answers = await answersTo(questionOf(program, words)).catch(() => [] as Answer[]);
  for (const answer of answers) {
    if (answer === FILES || answer.word === FILES.word || answer.word.startsWith(current))
      terminal.line(lineOf(answer));
  }
}

function lineOf({ word, description = "" }: Answer): string {
  return description === "" ? oneLine(word) : `${oneLine(word)}\t${oneLine(description)}`;
}
