/** Starts the real command for tests: a process of its own, in a home of its own. */
import { join } from "node:path";
import { repositoryRoot, startCommand } from "@spell/testing";
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
  const login =
    options.coordinator === undefined ? {} : { SPELL_COORDINATOR: options.coordinator, SPELL_TOKEN: FAKE_TOKEN };
  return startCommand(join(repositoryRoot, "apps/cli/bin/spell"), options.args, {
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

/** Runs it to its end. */
export async function spell(options: SpellOptions): Promise<CommandResult> {
  using running = startSpell(options);
  return await running.done;
}
