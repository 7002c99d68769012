/** A real server as a child process of a test: started on free ports, watched, and always ended. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

export interface ServerProcess extends AsyncDisposable {
  child: ChildProcess;
  /** The last 64 KiB of what it printed, for failure messages. */
  output(): string;
  /** Ends it (SIGTERM, then SIGKILL) and waits; idempotent. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a server in a process of its own. It is killed when the test process exits. */
export function startServerProcess(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; uid?: number; gid?: number } = {},
): ServerProcess {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let tail = "";
  const keep = (chunk: Buffer): void => {
    tail = (tail + chunk.toString()).slice(-65_536);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      tail += error.message;
      resolve();
    });
  });
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    process.removeListener("exit", killWithUs);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await exited;
      clearTimeout(timer);
    }
  };
  return { child, output: () => tail, stop, [Symbol.asyncDispose]: () => stop() };
}
