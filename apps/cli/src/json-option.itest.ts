import type { Command } from "commander";
import { expect, test } from "vitest";
import { COMMANDS } from "./command-table.ts";
import { createEmptyProgram } from "./program.ts";

/** Those that print no fact of ours: programs that go on, texts for shells, what makes a file, and what is not offered. */
const WITHOUT = [
  "spell curl",
  "spell jupyter",
  "spell server",
  "spell cluster",
  "spell kube-cluster",
  "spell up",
  "spell agent start",
  "spell coordinator start",
  "spell admin backup",
  "spell admin restore",
  "spell completion",
  "spell complete",
];

/** The commands that do something: groups are looked into. */
function leaves(command: Command, name = command.name()): [name: string, command: Command][] {
  if (command.commands.length === 0) return [[name, command]];
  return command.commands.flatMap((each) => leaves(each, `${name} ${each.name()}`));
}

test("every command that prints facts prints them as JSON too", async () => {
  const program = createEmptyProgram();
  for (const { load } of COMMANDS) (await load())(program);
  const found = leaves(program).filter(([, { options }]) => !options.some(({ long }) => long === "--json"));
  expect(found.map(([name]) => name).filter((name) => !WITHOUT.includes(name))).toEqual([]);
});
