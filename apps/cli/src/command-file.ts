/**
 * `--from-file` and `--save-command`: a command's options and arguments in a YAML or JSON file, by their names without
 * dashes. What stands on the command line wins over the file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { messageOf } from "@spell/domain";
import type { Argument, Command, Option } from "commander";
import { parse, stringify } from "yaml";
import { argumentError, usageError } from "./exit-codes.ts";

/** What a file may hold under one name. */
type FileValue = string | number | boolean | null | (string | number)[];
type FileContent = Record<string, FileValue>;

const FROM_FILE = "from-file";
const SAVE_COMMAND = "save-command";
/** An argument of many words is a word and its list: what follows `spell run` is its `command` and its `args`. */
const MORE_WORDS = "args";

/** Adds both options. Called when all others of the command are there. */
export function addCommandFile(command: Command): Command {
  const given: Given = new Map();
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: string | null | undefined) => {
      given.set(option, [...(given.get(option) ?? []), ...(typeof value === "string" ? [value] : [])]);
    });
  }
  command
    .option("--from-file <FILE>", "take options and arguments from a YAML or JSON file; those given here win")
    .option("--save-command <FILE>", "write the options and arguments of this command into a file");
  const parseOptions = command.parseOptions.bind(command);
  command.parseOptions = (words) => {
    const parsed = parseOptions(words);
    const path: unknown = command.getOptionValue("fromFile");
    if (typeof path !== "string" || parsed.unknown.length > 0) return parsed;
    const content = readCommandFile(path);
    const more = wordsOf(content, command, { path, given: new Set([...given.keys()].map(fileName)) });
    parseOptions(more.options);
    return { operands: parsed.operands.length > 0 ? parsed.operands : more.operands, unknown: [] };
  };
  return command.hook("preAction", (_, { processedArgs }) => {
    const path: unknown = command.getOptionValue("saveCommand");
    if (typeof path === "string") save(path, { ...argumentsOf(command, processedArgs), ...optionsOf(command, given) });
  });
}

/** Options as they were typed, each with all its values; a flag has none. */
type Given = Map<Option, string[]>;

function readCommandFile(path: string): FileContent {
  let content: unknown;
  try {
    content = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw argumentError(`--from-file ${path} cannot be read: ${messageOf(error)}.`);
  }
  if (content === null) return {};
  if (typeof content !== "object" || Array.isArray(content)) {
    throw argumentError(`--from-file ${path}: it must hold names and values, such as "machine-type: V100".`);
  }
  for (const [name, value] of Object.entries(content)) {
    if (!isFileValue(value)) {
      throw argumentError(`--from-file ${path}: "${name}" must be a text, a number, true, false, or a list of texts.`);
    }
  }
  return content as FileContent;
}

function isFileValue(value: unknown): value is FileValue {
  if (Array.isArray(value)) return value.every((each) => typeof each === "string" || typeof each === "number");
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** The file as words of the command line; options that were given by hand are left out. Pure. */
function wordsOf(
  content: FileContent,
  command: Command,
  { path, given }: { path: string; given: ReadonlySet<string> },
): { options: string[]; operands: string[] } {
  const operands = operandsOf(content, command.registeredArguments);
  const own = new Set(command.registeredArguments.flatMap((each) => fileNames(each)));
  const options = Object.entries(content).flatMap(([key, value]) => {
    const name = key.replaceAll("_", "-");
    if (own.has(name)) return [];
    const option = command.options.find((each) => each.long === `--${name}`);
    if (option === undefined || name === FROM_FILE || name === SAVE_COMMAND) {
      throw usageError(`error: ${path}: there is no option "${key}" of ${fullName(command)}.`);
    }
    return given.has(name) ? [] : optionWords(option, value, command);
  });
  return { options, operands };
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function operandsOf(content: FileContent, args: readonly Argument[]): string[] {
  return args.flatMap((argument) => fileNames(argument).flatMap((name) => textsOf(content[name] ?? null)));
}

/** The names of an argument in a file. */
function fileNames(argument: Argument): string[] {
  return argument.variadic ? [argument.name(), MORE_WORDS] : [argument.name()];
}

function optionWords(option: Option, value: FileValue, command: Command): string[] {
  if (option.required || option.optional) return textsOf(value).map((each) => `${option.long}=${each}`);
  if (value === true) return [option.long ?? ""];
  const opposites = [`--no-${option.name()}`, `--disable-${option.name()}`];
  const opposite = command.options.find(({ long }) => long !== undefined && opposites.includes(long));
  return value === false && opposite?.long !== undefined ? [opposite.long] : [];
}

function textsOf(value: FileValue): string[] {
  if (value === null) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** `--no-trunc` is `trunc: false`. */
function fileName(option: Option): string {
  return option.negate ? option.name().replace(/^no-/, "") : option.name();
}

function optionsOf(command: Command, given: Given): FileContent {
  const content: FileContent = {};
  for (const [option, values] of given) {
    const isList = Array.isArray(command.getOptionValue(option.attributeName()));
    content[fileName(option)] = isList ? values : (values.at(-1) ?? !option.negate);
  }
  return content;
}

function argumentsOf(command: Command, values: readonly unknown[]): FileContent {
  const content: FileContent = {};
  command.registeredArguments.forEach((argument, at) => {
    const value = values[at];
    const [first, ...more] = Array.isArray(value) ? value.map(String) : [value];
    if (typeof first === "string") content[argument.name()] = first;
    if (more.length > 0) content[MORE_WORDS] = more.map(String);
  });
  return content;
}

function save(path: string, content: FileContent): void {
  const sorted = Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1)));
  const text = path.endsWith(".json") ? `${JSON.stringify(sorted, undefined, 2)}\n` : stringify(sorted);
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw argumentError(`--save-command ${path} cannot be written: ${messageOf(error)}.`);
  }
}
