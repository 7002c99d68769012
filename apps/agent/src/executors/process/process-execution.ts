/** One command that runs as plain processes of the machine: a wrapper shell, which writes the exit code, and all that came of it. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import type { Cgroup, CgroupRecord } from "../../cgroups/cgroup.ts";
import { openCgroup } from "../../cgroups/find.ts";
import type { Execution, ExitStatus, WrittenEntry } from "../executor.ts";
import { LastWait, PATIENCE } from "../limits/last-wait.ts";
import type { PatienceWithKilled } from "../limits/last-wait.ts";
import { removeGroup } from "../limits/remove-group.ts";
import { RunGuard } from "../limits/run-guard.ts";
import type { RunLimits } from "../limits/run-limits.ts";
import { removeTree } from "../remove-tree.ts";
import { writtenEntries } from "../written-entries.ts";
import { familyOf, listProcesses } from "./process-table.ts";

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
  /** What the run may use; absent: all. */
  limits?: RunLimits;
  cgroup?: CgroupRecord;
  startFailure?: string;
}

/** The files and folders of one attempt below its `process` folder. */
export function processPaths(attemptDir: string) {
  const folder = join(attemptDir, "process");
  return {
    folder,
    record: join(folder, "run.json"),
    exitCode: join(folder, "exit-code"),
    verdict: join(folder, "verdict.json"),
    spell: join(folder, "spell"),
    spool: join(attemptDir, "output.log"),
  };
}

export interface ProcessExecutionOptions {
  attemptDir: string;
  record: ProcessRecord;
  /** When this process started it. */
  wrapper?: ChildProcess;
  /** Closed when the command may begin, where it has to be taken into its group first; also by this process's death: the next agent takes the run in. */
  gate?: Writable;
  patience?: PatienceWithKilled;
  /** Why its limits are not kept by the kernel. */
  problem?: string;
}

export class ProcessExecution implements Execution {
  readonly started: Promise<void>;
  readonly exited: Promise<ExitStatus>;
  readonly spoolPath: string;
  readonly #paths: ReturnType<typeof processPaths>;
  readonly #record: ProcessRecord;
  readonly #cgroup: Cgroup | undefined;
  readonly #guard: RunGuard;
  readonly #lastWait: LastWait;
  /** The wrapper and its group, while they are known to be this run's. */
  #group: number | undefined;
  #hasEnded = false;
  #wasKilled = false;

  constructor(options: ProcessExecutionOptions) {
    const { wrapper, record } = options;
    this.#paths = processPaths(options.attemptDir);
    this.#record = record;
    this.spoolPath = this.#paths.spool;
    this.#group = wrapper?.pid;
    this.#cgroup = record.cgroup && openCgroup(record.cgroup);
    this.#guard = this.#guardOf(options);
    this.#lastWait = new LastWait({
      patience: options.patience ?? PATIENCE,
      processes: () => this.processes(),
      say: (text) => this.#guard.notice(text),
    });
    const wrapperEnd = wrapper === undefined ? undefined : endOf(wrapper);
    const ready = wrapperEnd === undefined ? this.#takeOver() : this.#begin(wrapperEnd, options.gate);
    this.started = ready;
    const ended = ready.then(() => this.#follow(wrapperEnd));
    this.exited = Promise.race([ended, this.#lastWait.givenUp.then(() => this.#leave())]);
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.started;
    if (this.#hasEnded || this.#group === undefined) return;
    if (signal === "SIGKILL") return this.#kill();
    await this.#signalEach("SIGTERM", () => this.processes());
  }

  hasExited(): boolean {
    return this.#hasEnded || existsSync(this.#paths.exitCode);
  }

  liveSpellPath(): string | undefined {
    return this.#hasEnded || this.#group === undefined ? undefined : this.#paths.spell;
  }

  async processes(): Promise<readonly number[]> {
    if (this.#hasEnded || this.#group === undefined) return [];
    return this.#guard.cgroup?.processes() ?? this.#family();
  }

  onNotice(listener: (text: string) => void): void {
    this.#guard.onNotice(listener);
  }

  written(): Promise<WrittenEntry[]> {
    return writtenEntries({ folder: this.#paths.spell, code: this.#record.code, mountPaths: this.#record.mountPaths });
  }

  async dispose(): Promise<void> {
    await this.signal("SIGKILL");
    await this.exited;
    await removeGroup(this.#cgroup);
    await removeTree(this.#paths.record);
    await removeTree(this.#paths.folder);
  }

  /** Only a living wrapper proves whose group it is: numbers of processes are used again. */
  async #takeOver(): Promise<void> {
    const wrapper = (await listProcesses()).find((entry) => entry.commandLine.startsWith(`${this.#record.mark} `));
    this.#group = wrapper?.pid ?? this.#guard.cgroup?.processes()[0];
    if (this.#group === undefined) return;
    await this.#guard.enterAll();
    this.#guard.watch();
  }

  /**
   * The command begins inside of its limits. Before it does, the wrapper is not yet deaf to SIGTERM; and a copy of the wrapper that has
   * not become the command yet would swallow the signal.
   */
  async #begin(wrapperEnd: Promise<unknown>, gate: Writable | undefined): Promise<void> {
    if (this.#group !== undefined && gate !== undefined) await this.#guard.enter(this.#group);
    // It may be gone before it is let through.
    gate?.on("error", () => undefined).end();
    this.#guard.watch();
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
    while (!this.#lastWait.hasGivenUp && this.#group !== undefined && (await this.#isAlive(deadline !== undefined))) {
      if (existsSync(this.#paths.exitCode)) deadline ??= Date.now() + LEFTOVER_GRACE_MS;
      if (this.#wasKilled || (deadline !== undefined && Date.now() > deadline)) await this.#killAll();
      await new Promise((resolve) => setTimeout(resolve, deadline === undefined ? POLL_MS : 5));
    }
    if (this.#wasKilled && !existsSync(this.#paths.exitCode)) writeFileSync(this.#paths.exitCode, "137\n");
    return this.#end(this.#readExit());
  }

  /** Nobody waits for those any longer that cannot be ended. */
  async #leave(): Promise<ExitStatus> {
    const left = await this.processes();
    if (!existsSync(this.#paths.exitCode)) writeFileSync(this.#paths.exitCode, "137\n");
    return this.#end({ ...this.#readExit(), left });
  }

  /** Those that have left the group are looked for when the command itself has ended: it takes a look at every process. */
  async #isAlive(hasEnded: boolean): Promise<boolean> {
    const { cgroup } = this.#guard;
    if (cgroup !== undefined) return cgroup.processes().length > 0;
    if (!hasEnded && (await listProcesses()).some((entry) => entry.group === this.#group)) return true;
    return (await this.#family()).length > 0;
  }

  async #kill(): Promise<void> {
    this.#wasKilled = true;
    await this.#killAll();
  }

  async #killAll(): Promise<void> {
    this.#lastWait.begin();
    const { cgroup } = this.#guard;
    if (cgroup !== undefined) return cgroup.kill();
    await this.#signalEach("SIGKILL", () => this.#family());
  }

  /** A process may fork while the list is made, so it is made again until it holds nobody new. */
  async #signalEach(signal: "SIGTERM" | "SIGKILL", list: () => Promise<readonly number[]>): Promise<void> {
    const seen = new Set<number>();
    for (;;) {
      const fresh = (await list()).filter((pid) => !seen.has(pid));
      if (fresh.length === 0) return;
      for (const pid of fresh) {
        seen.add(pid);
        sendSignal(pid, signal);
        // A stopped process would hear of it only when somebody continues it.
        if (signal === "SIGTERM") sendSignal(pid, "SIGCONT");
      }
    }
  }

  #family(): Promise<number[]> {
    return familyOf(this.#group, this.#record.mark);
  }

  #readExit(): ExitStatus {
    if (!existsSync(this.#paths.exitCode)) return { endedAtMs: Date.now(), ...this.#guard.conclude(undefined) };
    const exitCode = Number(readFileSync(this.#paths.exitCode, "utf8"));
    const endedAtMs = Math.round(statSync(this.#paths.exitCode).mtimeMs);
    return { exitCode, endedAtMs, ...this.#guard.conclude(exitCode) };
  }

  #guardOf({ record, problem }: ProcessExecutionOptions): RunGuard {
    return new RunGuard({
      limits: record.limits ?? {},
      cgroup: this.#cgroup,
      problem,
      verdictPath: this.#paths.verdict,
      processes: () => this.#family(),
      written: () => [this.#paths.spell],
      end: () => this.#kill(),
    });
  }

  #end(status: ExitStatus): ExitStatus {
    this.#hasEnded = true;
    this.#guard.stop();
    this.#lastWait.stop();
    return status;
  }
}

function endOf(wrapper: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    wrapper.once("error", (error) => resolve(`The command could not be started: ${error.message}.`));
    wrapper.once("exit", () => resolve(undefined));
  });
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
