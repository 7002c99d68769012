/** Starts `spell up` the way a user does, waits until it serves, and ends it whatever happens to whoever started it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface SpellUp extends AsyncDisposable {
  /** Aborts when it ends before its time; the reason says how. */
  lost: AbortSignal;
  /** Its processes as it remembers them itself. */
  processes(): FarmProcess[];
}

export interface FarmProcess {
  name: string;
  pid: number;
}

export interface SpellUpOptions {
  /** Path of the `spell` program. */
  program: string;
  dataFolder: string;
  /** Further options of `spell up`. */
  flags: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** Told what it prints until it is ready. */
  onStartOutput?: (text: string) => void;
  /** Told what it complains about until it is being ended. */
  onComplaint?: (text: string) => void;
}

/** What it prints last when it starts. */
const READY = "Stop with ^C";
/** Longer than any part takes to end by itself. */
const END_TIMEOUT_MS = 20_000;
/** `spell up` takes two SIGINT: drain, then interrupt. Sent at once, they would count as one. */
const SECOND_SIGNAL_AFTER_MS = 200;
/** How much of what it said is kept to explain its end. */
const KEPT_CHARACTERS = 2_000;

/** Resolves when it serves; disposing ends it with the runs it still has. Throws what it said when it ends before. */
export async function startSpellUp(options: SpellUpOptions): Promise<SpellUp> {
  const { program, dataFolder, flags, cwd, env, signal } = options;
  // A session of its own: ^C in the terminal reaches us alone, who end it in order.
  const child = spawn(program, ["up", "--data", dataFolder, ...flags], {
    ...{ cwd, env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let isEnding = false;
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-KEPT_CHARACTERS);
    if (!isEnding) options.onComplaint?.(text);
  });
  const lost = new AbortController();
  const ended = endOf(child).then((how) =>
    lost.abort(new CommandError(`spell up ended: ${how}. ${complaints}`.trimEnd())),
  );
  const processes = (): FarmProcess[] => readProcesses(dataFolder);
  // Whatever happens to us: it drains, and nothing stays in the end.
  const endWithUs = (): void => void child.kill("SIGINT");
  process.once("exit", endWithUs);
  const stop = async (): Promise<void> => {
    isEnding = true;
    const timers = [
      setTimeout(() => child.kill("SIGINT"), SECOND_SIGNAL_AFTER_MS),
      setTimeout(() => killAll([...processes().map(({ pid }) => pid), child.pid]), END_TIMEOUT_MS),
    ];
    child.kill("SIGINT");
    await ended;
    timers.forEach(clearTimeout);
    process.removeListener("exit", endWithUs);
  };
  try {
    await untilReady(child, AbortSignal.any([signal, lost.signal]), options.onStartOutput);
  } catch (error) {
    await stop();
    throw error;
  }
  return { lost: lost.signal, processes, [Symbol.asyncDispose]: stop };
}

/** A `spell` that ended otherwise than it should. */
export class CommandError extends Error {}

/** How a process ended, in words: "exit code 0", "SIGKILL", or why it could not be started. */
export function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signalName) => resolve(signalName ?? `exit code ${code}`));
  });
}

function untilReady(child: ChildProcess, signal: AbortSignal, onOutput?: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const giveUp = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const isReadyAlready = said.includes(READY);
      if (isReadyAlready) return;
      said += text;
      onOutput?.(text);
      if (!said.includes(READY)) return;
      signal.removeEventListener("abort", giveUp);
      resolve();
    });
  });
}

function readProcesses(dataFolder: string): FarmProcess[] {
  try {
    return JSON.parse(readFileSync(join(dataFolder, "up.json"), "utf8")) as FarmProcess[];
  } catch {
    return []; // Not that far yet.
  }
}

function killAll(pids: readonly (number | undefined)[]): void {
  for (const pid of pids) {
    try {
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    } catch {
      // It ended in between.
    }
  }
}
