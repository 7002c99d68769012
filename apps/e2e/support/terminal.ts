/** The `spell` command on a terminal, where it shows less than a pipe gets: its output as the terminal receives it. */
import { join } from "node:path";
import { ON_TERMINAL, repositoryRoot } from "@spell/testing";
import type { RunningCommand } from "@spell/testing";
import { spell, startSpell } from "./spell.ts";
import type { SpellPlace } from "./spell.ts";

/** Copies between the terminal that it makes for a command and its own streams, what is typed as well. */
const TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/** Starts it; the signal SIGUSR1 types ^C. */
export function startSpellOnTerminal(place: SpellPlace, args: readonly string[]): RunningCommand {
  const enter = [...ON_TERMINAL, ...(place.enter ?? [])];
  return startSpell({ ...place, enter }, args, { env: { TERM: "xterm" } });
}

/** Runs it to its end, with what a person types beforehand; lines end as terminals want it, with a carriage return as well. */
export async function spellOnTerminal(
  place: SpellPlace,
  args: readonly string[],
  call: { cwd?: string; input?: string } = {},
): Promise<string> {
  const enter = [join(repositoryRoot, ".venv/bin/python"), "-c", TERMINAL, ...(place.enter ?? [])];
  const { exitCode, stdout, stderr } = await spell({ ...place, enter }, args, { ...call, env: { TERM: "xterm" } });
  if (exitCode !== 0) throw new Error(`spell ${args.join(" ")}: exit code ${exitCode}\n${stderr}${stdout}`);
  return stdout;
}
