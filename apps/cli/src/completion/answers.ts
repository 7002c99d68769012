/** What can stand where the user types: names from the program itself, machine types and runs from the coordinator. */
import { isFinal } from "@spell/domain";
import { SpellClient, loadConfiguration } from "@spell/sdk";
import type { Run } from "@spell/sdk";
import type { Command, Option } from "commander";
import { environment } from "../config.ts";
import { oneLine } from "../output/clean-text.ts";
import { cut } from "../output/format.ts";
import { statusName } from "../output/run-text.ts";
import { collect } from "../shared-options.ts";
import type { Question } from "./question.ts";

export interface Answer {
  word: string;
  /** For shells that show it. */
  description?: string;
}

/** The shell completes names of files itself. */
export const FILES: Answer = { word: ":files" };

/** Somebody waits with a finger on Tab. */
const PATIENCE = { connectForMs: 400, retryForMs: 0 };
const RUNS = 50;
const DESCRIPTION_WIDTH = 50;

/** All that fits; the shell's script or we leave out what does not begin as typed. */
export async function answersTo(question: Question): Promise<Answer[]> {
  switch (question.kind) {
    case "command":
      return question.command.createHelp().visibleCommands(question.command).map(describeCommand);
    case "option":
      return optionAnswers(question.command, question.given);
    case "value":
      return (await valueAnswers(question.option)).map(({ word, description }) => ({
        word: word === FILES.word ? word : question.prefix + word,
        description,
      }));
    case "argument": {
      const { argument, command } = question;
      if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word }));
      if (argument.name() === "run-id") return runAnswers(command.name());
      return FILE_ARGUMENTS.has(argument.name()) ? [FILES] : [];
    }
    case "nothing":
      return [];
  }
}

/** Arguments that may be names of files. */
const FILE_ARGUMENTS = new Set(["command", "path", "file", "dir", "local-dir", "options"]);

function describeCommand(command: Command): Answer {
  return { word: command.name(), description: command.summary() || command.description() };
}

/** Long names of what is in the help; one that was given already only where it may be repeated. */
function optionAnswers(command: Command, given: ReadonlySet<Option>): Answer[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long && (!given.has(option) || option.parseArg === collect))
    .map((option) => ({ word: option.long ?? "", description: option.description }));
}

async function valueAnswers(option: Option): Promise<Answer[]> {
  if (option.argChoices !== undefined) return option.argChoices.map((word) => ({ word }));
  if (option.long === "--machine-type" && option.flags.includes("<TYPE>")) return machineTypeAnswers();
  if (option.long === "--label") return labelAnswers();
  if (option.long === "--mount") return mountAnswers();
  return /<.*(FILE|DIR|PATH)/.test(option.flags) ? [FILES] : [];
}

async function machineTypeAnswers(): Promise<Answer[]> {
  using client = openQuickClient();
  const types = await client.account.listMachineTypes();
  return types.map(({ name, slots, freeSlots }) => ({ word: name, description: `${freeSlots} of ${slots} free` }));
}

async function runAnswers(commandName: string): Promise<Answer[]> {
  const runs = await newestRuns();
  const fits = FITTING[commandName] ?? (() => true);
  return runs.filter(fits).map((run) => ({ word: String(run.id), description: describeRun(run) }));
}

/** Runs to which a command can do something. */
const FITTING: Readonly<Record<string, (run: Run) => boolean>> = {
  stop: ({ status }) => !isFinal(status),
  kill: ({ status }) => !isFinal(status),
  archive: ({ status }) => isFinal(status),
};

async function mountAnswers(): Promise<Answer[]> {
  const runs = await newestRuns();
  return runs
    .filter(({ record }) => record.outputTree !== "")
    .map((run) => ({ word: `runs/${run.id}`, description: describeRun(run) }));
}

async function labelAnswers(): Promise<Answer[]> {
  const runs = await newestRuns();
  return [...new Set(runs.flatMap(({ labels }) => labels))]
    .filter((label) => !/\s/.test(label))
    .map((word) => ({ word }));
}

async function newestRuns(): Promise<Run[]> {
  using client = openQuickClient();
  return await client.runs.list({ number: RUNS });
}

function describeRun(run: Run): string {
  return `${statusName(run)}  ${cut(oneLine(run.command), DESCRIPTION_WIDTH)}`;
}

function openQuickClient(): SpellClient {
  return new SpellClient(loadConfiguration(environment), PATIENCE);
}
