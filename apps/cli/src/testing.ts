/** Starts the real command for tests: a process of its own, in a home of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot, waitFor } from "@spell/testing";
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

export interface SpellResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A command under way. */
export interface RunningSpell extends Disposable {
  done: Promise<SpellResult>;
  stdout(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves once stdout contains the text. */
  sees(text: string): Promise<void>;
}

/** Starts it; disposing kills it. */
export function startSpell(options: SpellOptions): RunningSpell {
  const login =
    options.coordinator === undefined ? {} : { SPELL_COORDINATOR: options.coordinator, SPELL_TOKEN: FAKE_TOKEN };
  const child = spawn(join(repositoryRoot, "apps/cli/bin/spell"), options.args, {
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
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(options.input ?? "");
  const done = new Promise<SpellResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return {
    done,
    stdout: () => stdout,
    signal: (name) => void child.kill(name),
    sees: async (text) => {
      await waitFor(`"${text}" in: ${stdout}${stderr}`, () => stdout.includes(text));
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** Runs it to its end. */
export async function spell(options: SpellOptions): Promise<SpellResult> {
  using running = startSpell(options);
  return await running.done;
}
