/** Which word is being typed: the name of a command, an option, its value, or an argument. Pure. */
import type { Argument, Command, Option } from "commander";

export type Question =
  | { kind: "command"; command: Command }
  | { kind: "option"; command: Command; given: ReadonlySet<Option> }
  | { kind: "value"; option: Option; command: Command; prefix: string }
  | { kind: "argument"; argument: Argument; command: Command }
  | { kind: "nothing" };

/** The sub-command of a group that may be left out. */
const DEFAULT_COMMAND = "create";

/** Reads the words behind the program's name; the last one is being typed. */
export function questionOf(program: Command, words: readonly string[]): Question {
  let command = program;
  let operands = 0;
  let onlyOperands = false;
  let awaiting: Option | undefined;
  const given = new Set<Option>();
  for (const word of words.slice(0, -1)) {
    if (awaiting !== undefined) {
      awaiting = undefined;
    } else if (!onlyOperands && word === "--") {
      onlyOperands = true;
    } else if (!onlyOperands && word.startsWith("-") && word.length > 1) {
      command = orDefault(command, word);
      const option = findOption(command, word);
      if (option !== undefined) given.add(option);
      if (option !== undefined && takesValue(option) && !word.includes("=")) awaiting = option;
    } else {
      const sub = operands === 0 ? findCommand(command, word) : undefined;
      if (sub === undefined) operands += 1;
      command = sub ?? orDefault(command, word);
    }
  }
  const current = words.at(-1) ?? "";
  if (awaiting !== undefined) return { kind: "value", option: awaiting, command, prefix: "" };
  if (!onlyOperands && current.startsWith("-")) {
    command = orDefault(command, current);
    const end = current.indexOf("=");
    const option = end === -1 ? undefined : findOption(command, current.slice(0, end));
    if (option !== undefined) return { kind: "value", option, command, prefix: current.slice(0, end + 1) };
    return { kind: "option", command, given };
  }
  if (command.commands.length > 0 && operands === 0) return { kind: "command", command };
  const { registeredArguments } = command;
  const argument = registeredArguments[operands] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? { kind: "nothing" } : { kind: "argument", argument, command };
}

function findCommand(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word || each.aliases().includes(word));
}

function findOption(command: Command, word: string): Option | undefined {
  const name = word.split("=", 1)[0] ?? "";
  return command.options.find(({ long, short }) => long === name || short === name);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

/** A group whose sub-command was left out, seen by a word that only that one can have. */
function orDefault(command: Command, word: string): Command {
  const left = command.commands.length > 0 ? findCommand(command, DEFAULT_COMMAND) : undefined;
  if (left === undefined) return command;
  return word.startsWith("-") && findOption(left, word) === undefined && word.includes("help") ? command : left;
}
