/** A command as a user starts it, in a process of its own: its output, its exit code, and ways to wait in between. */
import { spawn } from "node:child_process";
import { waitFor } from "./wait-for.ts";

export interface CommandOptions {
  cwd?: string;
  /** The whole environment. */
  env: NodeJS.ProcessEnv;
  /** Standard input; default: empty. */
  input?: string;
}

export interface CommandResult {
  /** Null when a signal ended it. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A command under way. */
export interface RunningCommand extends Disposable {
  pid: number;
  done: Promise<CommandResult>;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves once stdout contains the text; throws with all output when it ends without, or in time (15 s) has not. */
  sees(text: string, options?: { timeoutMs?: number }): Promise<void>;
}

/** Starts it in a session of its own; disposing, or the end of the test process, kills it. */
export function startCommand(command: string, args: readonly string[], options: CommandOptions): RunningCommand {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: true });
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  let stdout = "";
  let stderr = "";
  let ended = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // One that ends before it reads its input is no mistake.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const done = new Promise<CommandResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      ended = true;
      process.removeListener("exit", killWithUs);
      resolve({ exitCode, stdout, stderr });
    });
  });
  done.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    done,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => void child.kill(name),
    sees: async (text, { timeoutMs } = {}) => {
      await waitFor(`"${text}"`, () => stdout.includes(text) || ended, { timeoutMs }).catch(() => undefined);
      if (!stdout.includes(text)) throw new Error(`never printed "${text}", but:\n${stdout}${stderr}`);
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
