/** `spell run --wait`: the run's end as the exit code of the command. */
import { FINAL_STATUSES } from "@spell/sdk";
import type { Run } from "@spell/sdk";
import { EXIT_INTERRUPTED, EXIT_NOT_CARRIED_OUT, exitWith } from "./exit-codes.ts";
import { statusSymbol } from "./output/log-renderer.ts";
import { runToJson } from "./output/run-text.ts";
import { terminal } from "./output/terminal.ts";

export interface WaitOptions {
  json: boolean;
  /** Lines for a user who pressed ^C; the run itself goes on. */
  whenDetached: readonly string[];
}

/** The exit code that stands for how a run ended: the command's own where it came to an end by itself. Pure. */
export function exitCodeOfRun({ status, userExitCode }: Pick<Run, "status" | "userExitCode">): number {
  if (status === "complete") return userExitCode ?? 0;
  // Its outputs were lost: the command's 0 would say that all is well.
  if (status === "failed" && userExitCode !== undefined && userExitCode !== 0) return userExitCode;
  return EXIT_NOT_CARRIED_OUT;
}

/** Waits for the end, through restarts of the coordinator, says how it ended, and chooses the exit code. */
export async function waitForEnd(run: Run, { json, whenDetached }: WaitOptions): Promise<void> {
  const abort = new AbortController();
  const detach = (): void => abort.abort();
  process.once("SIGINT", detach);
  try {
    await run.waitStatuses(FINAL_STATUSES, { signal: abort.signal });
    if (json) terminal.json(runToJson(run));
    else terminal.say(statusSymbol(run.status), endSentence(run));
    exitWith(exitCodeOfRun(run));
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    exitWith(EXIT_INTERRUPTED);
    if (json) return;
    terminal.line();
    for (const line of whenDetached) terminal.say("spark", line);
  } finally {
    process.removeListener("SIGINT", detach);
  }
}

function endSentence({ id, status, reason }: Run): string {
  const sentence = `Run ${id} ${status}`;
  return status === "complete" || reason === "" ? sentence : `${sentence}: ${reason}`;
}
