/** Starts the real command for tests: a process of its own, in a home of its own. */
import { join } from "node:path";
import { ON_TERMINAL, repositoryRoot, startCommand } from "@spell/testing";
import type { CommandResult, RunningCommand } from "@spell/testing";
import { FAKE_TOKEN } from "@spell/sdk/fake-coordinator";

export interface SpellOptions {
  args: readonly string[];
  /** Home directory; the configuration lies in it. */
  home: string;
  /** `HOST:PORT`; undefined: only what the configuration file says. */
  coordinator?: string;
  cwd?: string;
  environment?: Readonly<Record<string, string>>;
  input?: string;
}

/** Starts it; disposing kills it. */
export function startSpell(options: SpellOptions): RunningCommand {
  return start(options, []);
}

/** Behind a prefix: a program that starts the command. */
function start(options: SpellOptions, prefix: readonly string[]): RunningCommand {
  const login =
    options.coordinator === undefined ? {} : { SPELL_COORDINATOR: options.coordinator, SPELL_TOKEN: FAKE_TOKEN };
  const [command = "", ...args] = [...prefix, join(repositoryRoot, "apps/cli/bin/spell"), ...options.args];
  return startCommand(command, args, {
    cwd: options.cwd ?? options.home,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: options.home,
      XDG_CACHE_HOME: join(repositoryRoot, ".cache", "tests"),
      LANG: "C.UTF-8",
      TZ: "UTC",
      SPELL_FROM_SOURCE: "1",
      GIT_CONFIG_NOSYSTEM: "1",
      ...login,
      ...options.environment,
    },
    input: options.input,
  });
}

/** Starts it on a terminal: stdout is what the terminal receives, and stderr is part of it. */
export function startSpellOnTerminal(options: SpellOptions): RunningCommand {
  return start(options, ON_TERMINAL);
}

/** The lines that stay on the screen: of one that was cleared only what came after. */
export function onScreen(output: string): string[] {
  return output
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.split("\r\x1b[K").at(-1) ?? "");
}

/** Runs it to its end. */
export async function spell(options: SpellOptions): Promise<CommandResult> {
  using running = startSpell(options);
  return await running.done;
}
