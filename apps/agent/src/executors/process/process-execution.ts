/** One command that runs as plain processes of the machine: a wrapper shell, which writes the exit code, and its group. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Execution, ExitStatus, WrittenEntry } from "../executor.ts";
import { removeTree } from "../remove-tree.ts";
import { writtenEntries } from "../written-entries.ts";
import { listProcesses } from "./process-table.ts";

/** What the command left running may finish by itself for so long. */
const LEFTOVER_GRACE_MS = 200;
const POLL_MS = 100;

/** Written down before the wrapper starts. */
export interface ProcessRecord {
  /** Begins the wrapper's command line; no other attempt has the same. */
  mark: string;
  code?: string;
  /** Relative to /spell. */
  mountPaths: string[];
  startFailure?: string;
}

/** The files and folders of one attempt below its `process` folder. */
export function processPaths(attemptDir: string) {
  const folder = join(attemptDir, "process");
  return {
    folder,
    record: join(folder, "run.json"),
    exitCode: join(folder, "exit-code"),
    spell: join(folder, "spell"),
    spool: join(attemptDir, "output.log"),
  };
}

export class ProcessExecution implements Execution {
  readonly started: Promise<void>;
  readonly exited: Promise<ExitStatus>;
  readonly spoolPath: string;
  readonly #paths: ReturnType<typeof processPaths>;
  readonly #record: ProcessRecord;
  /** The wrapper and its group, while they are known to be this run's. */
  #group: number | undefined;
  #hasEnded = false;
  #wasKilled = false;

  constructor(attemptDir: string, record: ProcessRecord, wrapper?: ChildProcess) {
    this.#paths = processPaths(attemptDir);
    this.#record = record;
    this.spoolPath = this.#paths.spool;
    this.#group = wrapper?.pid;
    const wrapperEnd = wrapper === undefined ? undefined : endOf(wrapper);
    const ready = wrapperEnd === undefined ? this.#findGroup() : this.#untilCommand(wrapperEnd);
    this.started = ready;
    this.exited = ready.then(() => this.#follow(wrapperEnd));
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.started;
    if (this.#hasEnded || this.#group === undefined) return;
    if (signal === "SIGKILL") this.#wasKilled = true;
    signalGroup(this.#group, signal);
    if (signal === "SIGTERM") signalGroup(this.#group, "SIGCONT");
  }

  hasExited(): boolean {
    return this.#hasEnded || existsSync(this.#paths.exitCode);
  }

  liveSpellPath(): string | undefined {
    return this.#hasEnded || this.#group === undefined ? undefined : this.#paths.spell;
  }

  async processes(): Promise<readonly number[]> {
    if (this.#hasEnded || this.#group === undefined) return [];
    return (await listProcesses()).flatMap(({ pid, group }) => (group === this.#group ? [pid] : []));
  }

  written(): Promise<WrittenEntry[]> {
    return writtenEntries({ folder: this.#paths.spell, code: this.#record.code, mountPaths: this.#record.mountPaths });
  }

  async dispose(): Promise<void> {
    await this.signal("SIGKILL");
    await this.exited;
    await removeTree(this.#paths.record);
    await removeTree(this.#paths.folder);
  }

  /** Only a living wrapper proves whose group it is: numbers of processes are used again. */
  async #findGroup(): Promise<void> {
    const wrapper = (await listProcesses()).find((entry) => entry.commandLine.startsWith(`${this.#record.mark} `));
    this.#group = wrapper?.pid;
  }

  /**
   * The wrapper alone is not yet deaf to SIGTERM; with the command beside it, it is. A copy of the wrapper that has not become the
   * command yet would swallow the signal.
   */
  async #untilCommand(wrapperEnd: Promise<unknown>): Promise<void> {
    let ended = false;
    void wrapperEnd.then(() => (ended = true));
    for (let pauseMs = 1; !ended; pauseMs = Math.min(pauseMs + 1, 20)) {
      const members = (await listProcesses()).filter((entry) => entry.group === this.#group);
      const isCommand = (line: string): boolean => line !== "" && !line.startsWith(`${this.#record.mark} `);
      if (members.some(({ commandLine }) => isCommand(commandLine))) return;
      await Promise.race([wrapperEnd, new Promise((resolve) => setTimeout(resolve, pauseMs))]);
    }
  }

  async #follow(wrapperEnd: Promise<string | undefined> | undefined): Promise<ExitStatus> {
    const problem = this.#record.startFailure ?? (await wrapperEnd);
    if (problem !== undefined) return this.#end({ startFailure: problem, endedAtMs: Date.now() });
    let deadline: number | undefined;
    while (this.#group !== undefined && (await this.#groupLives(this.#group))) {
      if (existsSync(this.#paths.exitCode)) deadline ??= Date.now() + LEFTOVER_GRACE_MS;
      if (deadline !== undefined && Date.now() > deadline) signalGroup(this.#group, "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, deadline === undefined ? POLL_MS : 5));
    }
    if (this.#wasKilled && !existsSync(this.#paths.exitCode)) writeFileSync(this.#paths.exitCode, "137\n");
    return this.#end(this.#readExit());
  }

  async #groupLives(group: number): Promise<boolean> {
    return (await listProcesses()).some((entry) => entry.group === group);
  }

  #readExit(): ExitStatus {
    if (!existsSync(this.#paths.exitCode)) return { endedAtMs: Date.now() };
    const exitCode = Number(readFileSync(this.#paths.exitCode, "utf8"));
    return { exitCode, endedAtMs: Math.round(statSync(this.#paths.exitCode).mtimeMs) };
  }

  #end(status: ExitStatus): ExitStatus {
    this.#hasEnded = true;
    return status;
  }
}

function endOf(wrapper: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    wrapper.once("error", (error) => resolve(`The command could not be started: ${error.message}.`));
    wrapper.once("exit", () => resolve(undefined));
  });
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left in it.
  }
}
