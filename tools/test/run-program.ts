/** Runs another program to its end, shown or captured, with a deadline; ends it with us. */
import { spawn } from "node:child_process";
import { repositoryRoot } from "@spell/testing";

export interface ProgramResult {
  /** Exit code; 128 + n when signal n ended it, -1 when it could not be started. */
  exitCode: number;
  /** What it printed, when captured; else empty. */
  output: string;
  tookMs: number;
}

export interface ProgramOptions {
  env?: NodeJS.ProcessEnv;
  /** Default: the root of the repository. */
  cwd?: string;
  /** Shows its output as it comes; otherwise it is returned. */
  shown: boolean;
  /** It is killed after this long. Default: no limit. */
  timeoutMs?: number;
}

/** Starts the program and waits for its end; never throws for what the program does. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd ?? repositoryRoot,
    env: { ...process.env, ...options.env },
    stdio: options.shown ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
  });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const endWithUs = (): void => void child.kill("SIGTERM");
  process.once("exit", endWithUs);
  const exitCode = await new Promise<number>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(-1);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
  });
  process.removeListener("exit", endWithUs);
  return { exitCode, output, tookMs: performance.now() - startedAt };
}
