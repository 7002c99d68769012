/** Starts `spell` the way a user does, shows it, and ends it with the demo. */
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { shellWord } from "./shell-word.ts";

export interface SpellCommand {
  /** Path of the `spell` program. */
  program: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Longer than any part takes to end by itself. */
const END_TIMEOUT_MS = 20_000;
/** `spell up` takes two SIGINT: drain, then interrupt. Sent at once, they would count as one. */
const SECOND_SIGNAL_AFTER_MS = 200;

/** A `spell` that ended otherwise than it should. */
export class CommandError extends Error {}

/** Runs one command to its end with the terminal as its own. Throws CommandError when it cannot start or fails. */
export async function show(command: SpellCommand, args: readonly string[], signal: AbortSignal): Promise<void> {
  console.log(`\n$ spell ${args.map(shellWord).join(" ")}`);
  const child = start(command, args, ["ignore", "inherit", "inherit"]);
  await toItsEnd(child, args, signal);
}

/** Runs one command to its end and gives what it printed. Throws CommandError as `show` does. */
export async function ask(command: SpellCommand, args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = start(command, args, ["ignore", "pipe", "inherit"]);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await toItsEnd(child, args, signal);
  return output;
}

export interface RunningFarm extends AsyncDisposable {
  /** Aborts when it ends before its time. */
  lost: AbortSignal;
}

/** Starts `spell up` and shows what it says until it is ready; disposing ends it and the runs it still has. */
export async function startFarm(
  command: SpellCommand,
  args: readonly string[],
  signal: AbortSignal,
): Promise<RunningFarm> {
  console.log(`\n$ spell ${args.map(shellWord).join(" ")} &`);
  const child = start(command, args, ["ignore", "pipe", "pipe"]);
  let isEnding = false;
  // What its parts say while they are ended is of no interest.
  child.stderr?.on("data", (text: Buffer) => isEnding || process.stderr.write(text));
  const lost = new AbortController();
  const ended = endOf(child).then((how) => lost.abort(new CommandError(`spell up ended: ${how}`)));
  // Whatever happens to us: it drains, and nothing stays in the end.
  const endWithUs = (): void => void child.kill("SIGINT");
  process.once("exit", endWithUs);
  const stop = async (): Promise<void> => {
    isEnding = true;
    const timers = [
      setTimeout(() => child.kill("SIGINT"), SECOND_SIGNAL_AFTER_MS),
      setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS),
    ];
    child.kill("SIGINT");
    await ended;
    timers.forEach(clearTimeout);
    process.removeListener("exit", endWithUs);
  };
  try {
    await untilReady(child, AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    await stop();
    throw error;
  }
  return { lost: lost.signal, [Symbol.asyncDispose]: stop };
}

/** A session of its own: ^C reaches the demo alone, which ends its parts in order. */
function start(
  { program, cwd, env }: SpellCommand,
  args: readonly string[],
  stdio: SpawnOptions["stdio"],
): ChildProcess {
  return spawn(program, args, { cwd, env, stdio, detached: true });
}

async function toItsEnd(child: ChildProcess, args: readonly string[], signal: AbortSignal): Promise<void> {
  const end = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const how = await endOf(child);
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
  if (how !== "exit code 0") throw new CommandError(`spell ${args[0] ?? ""} ended: ${how}`);
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signalName) => resolve(signalName ?? `exit code ${code}`));
  });
}

/** Prints what it says up to the line that says it is ready. */
function untilReady(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const giveUp = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const isReadyAlready = said.includes("Stop with ^C");
      said += text;
      if (isReadyAlready) return;
      process.stdout.write(text);
      if (!said.includes("Stop with ^C")) return;
      signal.removeEventListener("abort", giveUp);
      resolve();
    });
  });
}
