/** A farm to measure: `spell up` as a user starts it, on free ports, with a folder and a login of its own. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SpellClient, loadConfiguration } from "@spell/sdk";
import { repositoryRoot } from "@spell/testing";

export interface Farm extends AsyncDisposable {
  client: SpellClient;
  /** Path of the `spell` program. */
  program: string;
  /** The environment in which `spell` talks to this farm. */
  environment: NodeJS.ProcessEnv;
  dataFolder: string;
  /** Aborts when it ends before its time. */
  lost: AbortSignal;
  /** Its processes as it remembers them itself. */
  processes(): { name: string; pid: number }[];
}

/** Free ports: a farm of the user's may have the usual ones. */
const PORTS = ["--grpc-port", "0", "--http-port", "0", "--nats-port", "0"];
/** What would make `spell` talk to the farm that the user works with otherwise. */
const LOGIN_VARIABLES =
  /^SPELL_(TOKEN|OWNER|COORDINATOR|API_URL|BASE_URL|WORKFLOW_ID|EXECUTOR|CPU_SLOTS|CONTROL_SLOTS)$/;
/** Longer than any part takes to end by itself. */
const END_TIMEOUT_MS = 20_000;
/** `spell up` takes two SIGINT: drain, then interrupt. Sent at once, they would count as one. */
const SECOND_SIGNAL_AFTER_MS = 200;

/** Starts one below `folder`, which it makes, and waits until it is ready; disposing ends it with the runs it still has. */
export async function startFarm(folder: string, flags: readonly string[], signal: AbortSignal): Promise<Farm> {
  const dataFolder = join(folder, "data");
  const program = join(repositoryRoot, "apps", "cli", "bin", "spell");
  const own = Object.entries(process.env).filter(([name]) => !LOGIN_VARIABLES.test(name));
  const environment = { ...Object.fromEntries(own), SPELL_DIR: join(folder, "login") };
  await mkdir(folder, { recursive: true });
  const child = spawn(program, ["up", "--data", dataFolder, ...PORTS, ...flags], {
    cwd: folder,
    env: environment,
    // A session of its own: ^C reaches the benchmarks alone, which end their farms in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lost = new AbortController();
  const ended = endOf(child).then((how) => lost.abort(new Error(how)));
  const processes = (): { name: string; pid: number }[] => readProcesses(dataFolder);
  // Whatever happens to us, nothing of it stays.
  const endWithUs = (): void => void child.kill("SIGINT");
  process.once("exit", endWithUs);
  const stop = async (): Promise<void> => {
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
    await untilReady(child, AbortSignal.any([signal, lost.signal]));
    const client = new SpellClient(loadConfiguration(environment));
    const dispose = async (): Promise<void> => {
      client.close();
      await stop();
    };
    return {
      ...{ client, program, environment, dataFolder, processes },
      lost: lost.signal,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function endOf(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`spell up cannot be started: ${error.message}`));
    child.once("close", (code, signalName) => {
      resolve(`spell up ended (${signalName ?? `exit code ${code}`}). ${said}`.trimEnd());
    });
  });
}

function untilReady(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const giveUp = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2_000);
      if (!said.includes("Stop with ^C")) return;
      signal.removeEventListener("abort", giveUp);
      resolve();
    });
  });
}

function readProcesses(dataFolder: string): { name: string; pid: number }[] {
  try {
    return JSON.parse(readFileSync(join(dataFolder, "up.json"), "utf8")) as { name: string; pid: number }[];
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
