import { Command } from "commander";
import { expect, test } from "vitest";
import { questionOf } from "./question.ts";

/** A program with a command of each shape. */
function program(): Command {
  const spell = new Command("spell").enablePositionalOptions().option("--spell-dir <DIR>");
  spell.command("run").argument("<command...>").option("-t, --machine-type <TYPE>").option("-b, --background");
  spell.command("label").argument("<run-id>").argument("<label>").option("--remove");
  const workflow = spell.command("workflow").helpCommand(false);
  workflow.command("create", { isDefault: true }).argument("<command...>").option("-r, --repo <LABEL=PATH>");
  workflow.command("stop").argument("<id>");
  return spell;
}

/** In short: what is asked for, and of what. */
function asked(...words: string[]): string {
  const question = questionOf(program(), words);
  switch (question.kind) {
    case "command":
      return `command of ${question.command.name()}`;
    case "option":
      return `option of ${question.command.name()}`;
    case "value":
      return `value of ${question.option.long ?? ""}${question.prefix && ` behind ${question.prefix}`}`;
    case "argument":
      return `argument ${question.argument.name()} of ${question.command.name()}`;
    case "nothing":
      return "nothing";
  }
}

test.each<[words: string[], question: string]>([
  [[""], "command of spell"],
  [[], "command of spell"],
  [["ru"], "command of spell"],
  [["run", ""], "argument command of run"],
  [["run", "python", "x"], "argument command of run"],
  [["run", "-"], "option of run"],
  [["run", "python", "--ma"], "option of run"],
  [["run", "-t", ""], "value of --machine-type"],
  [["run", "--machine-type", "V"], "value of --machine-type"],
  [["run", "--machine-type=V"], "value of --machine-type behind --machine-type="],
  [["run", "--machine-type=V", "--"], "option of run"],
  [["run", "-b", "p"], "argument command of run"],
  [["run", "--", "-t"], "argument command of run"],
  [["run", "--unknown", "p"], "argument command of run"],
  [["label", "1"], "argument run-id of label"],
  [["label", "--remove", "1", "x"], "argument label of label"],
  [["label", "1", "x", "y"], "nothing"],
  [["--spell-dir", "run", "la"], "command of spell"],
  [["--spell-dir", "x"], "value of --spell-dir"],
  [["workflow", ""], "command of workflow"],
  [["workflow", "st"], "command of workflow"],
  [["workflow", "stop", ""], "argument id of stop"],
  [["workflow", "--re"], "option of create"],
  [["workflow", "-r", "x"], "value of --repo"],
  [["workflow", "-r", "a=b", "python", "x"], "argument command of create"],
  [["workflow", "create", "-r", "x"], "value of --repo"],
  [["nonsense", ""], "nothing"],
])("%j asks for the %s", (words, question) => expect(asked(...words)).toBe(question));
