/** `spell workflow --local`: the master is a program on this machine, with the workflow's number in its environment. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { environment as ownEnvironment } from "./config.ts";

/** Runs the command in a shell at this terminal; gives its exit code, 128 and the signal's number when one ended it. */
export async function runMaster(
  command: string,
  options: { workflowId: number; environment: Readonly<Record<string, string>> },
): Promise<number> {
  const env = { ...ownEnvironment, ...options.environment, SPELL_WORKFLOW_ID: String(options.workflowId) };
  const child = spawn("/bin/sh", ["-c", command], { env, stdio: "inherit" });
  // ^C reaches it by itself; this process only waits for what becomes of it.
  const ignore = (): void => undefined;
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", ignore).on("SIGTERM", forward).on("SIGHUP", forward);
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    process.off("SIGINT", ignore).off("SIGTERM", forward).off("SIGHUP", forward);
  }
}
