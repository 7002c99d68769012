import { Command } from "commander";
import { expect, test } from "vitest";
import { COMMANDS } from "./command-table.ts";

/** Those that print no fact: programs that go on, and texts for shells. */
const WITHOUT = ["spell up", "spell agent start", "spell coordinator start", "spell completion", "spell complete"];

/** The commands that do something: groups are looked into. */
function leaves(command: Command, name = command.name()): [name: string, command: Command][] {
  if (command.commands.length === 0) return [[name, command]];
  return command.commands.flatMap((each) => leaves(each, `${name} ${each.name()}`));
}

test("every command that prints facts prints them as JSON too", async () => {
  const program = new Command("spell");
  for (const { load } of COMMANDS) (await load())(program);
  const found = leaves(program).filter(([, { options }]) => !options.some(({ long }) => long === "--json"));
  expect(found.map(([name]) => name).filter((name) => !WITHOUT.includes(name))).toEqual([]);
});
