/** Starts `spell` the way a user does, shows it, and ends it with the demo. */
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { SpellUp } from "../farm/spell-up.ts";
import { CommandError, endOf, startSpellUp } from "../farm/spell-up.ts";
import { shellWord } from "./shell-word.ts";

export interface SpellCommand {
  /** Path of the `spell` program. */
  program: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Runs one command to its end with the terminal as its own. Throws CommandError when it cannot start or fails. */
export async function show(command: SpellCommand, args: readonly string[], signal: AbortSignal): Promise<void> {
  console.log(`\n$ spell ${args.map(shellWord).join(" ")}`);
  const child = start(command, args, ["ignore", "inherit", "inherit"]);
  await toItsEnd(child, args, signal);
}

/** Runs one command to its end and gives what it printed. Throws CommandError as `show` does. */
export async function ask(command: SpellCommand, args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = start(command, args, ["ignore", "pipe", "inherit"]);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await toItsEnd(child, args, signal);
  return output;
}

/** Starts `spell up` and shows what it says until it is ready; disposing ends it and the runs it still has. */
export function startFarm(
  { program, cwd, env }: SpellCommand,
  { dataFolder, flags }: { dataFolder: string; flags: readonly string[] },
  signal: AbortSignal,
): Promise<SpellUp> {
  console.log(`\n$ spell ${["up", "--data", dataFolder, ...flags].map(shellWord).join(" ")} &`);
  return startSpellUp({
    ...{ program, dataFolder, flags, cwd, env, signal },
    onStartOutput: (text) => process.stdout.write(text),
    onComplaint: (text) => process.stderr.write(text),
  });
}

/** A session of its own: ^C reaches the demo alone, which ends its parts in order. */
function start(
  { program, cwd, env }: SpellCommand,
  args: readonly string[],
  stdio: SpawnOptions["stdio"],
): ChildProcess {
  return spawn(program, args, { cwd, env, stdio, detached: true });
}

async function toItsEnd(child: ChildProcess, args: readonly string[], signal: AbortSignal): Promise<void> {
  const end = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const how = await endOf(child);
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
  if (how !== "exit code 0") throw new CommandError(`spell ${args[0] ?? ""} ended: ${how}`);
}
