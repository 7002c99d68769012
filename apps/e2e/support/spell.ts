/** The `spell` command as a user types it, with a login of its own. */
import { delimiter, join } from "node:path";
import { repositoryRoot, startCommand } from "@spell/testing";
import type { CommandResult, RunningCommand } from "@spell/testing";

export interface SpellPlace {
  /** Folder of the login (SPELL_DIR). */
  login: string;
  /** Folders in front of the PATH. */
  path?: readonly string[];
  /** A command prefix that enters another machine (a network namespace). */
  enter?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

export interface SpellCall {
  cwd?: string;
  input?: string;
  env?: NodeJS.ProcessEnv;
}

const program = join(repositoryRoot, "apps/cli/bin/spell");

/** Starts it; disposing kills it. */
export function startSpell(place: SpellPlace, args: readonly string[], call: SpellCall = {}): RunningCommand {
  const [command = program, ...rest] = [...(place.enter ?? []), program, ...args];
  const folders = [...(place.path ?? []), join(repositoryRoot, ".venv", "bin"), process.env["PATH"] ?? ""];
  const env: NodeJS.ProcessEnv = {
    ...{ HOME: process.env["HOME"], TMPDIR: process.env["TMPDIR"], SPELL_TEST_RUN: process.env["SPELL_TEST_RUN"] },
    ...{ LANG: "C.UTF-8", TZ: "UTC", PATH: folders.join(delimiter), SPELL_DIR: place.login },
    ...place.env,
    ...call.env,
  };
  return startCommand(command, rest, { cwd: call.cwd ?? "/", env, input: call.input });
}

/** Runs it to its end. */
export async function spell(place: SpellPlace, args: readonly string[], call: SpellCall = {}): Promise<CommandResult> {
  using running = startSpell(place, args, call);
  return await running.done;
}
