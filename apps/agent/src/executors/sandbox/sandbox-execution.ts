/**
 * One sandboxed command from its start, or from the moment an agent takes it over, to its end.
 *
 * bwrap runs twice: outside, where it waits and writes the exit code, and inside as the first process of the pid namespace.
 * When that first process is gone, so is every other one: the kernel sees to it.
 */
import type { ChildProcess } from "node:child_process";
import { statSync, watch } from "node:fs";
import type { Writable } from "node:stream";
import { bootId } from "@spell/machine";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { openCgroup } from "../../cgroups/find.ts";
import type { Execution, ExitStatus, WrittenEntry } from "../executor.ts";
import { LastWait, PATIENCE } from "../limits/last-wait.ts";
import type { PatienceWithKilled } from "../limits/last-wait.ts";
import { removeGroup } from "../limits/remove-group.ts";
import { RunGuard } from "../limits/run-guard.ts";
import { removeTree } from "../remove-tree.ts";
import { writtenEntries } from "../written-entries.ts";
import { allMarked, descendantsOf, findMarked, hasForeignChild, isAlive, readStatus, sendSignal } from "./processes.ts";
import type { ProcessIdentity } from "./processes.ts";
import { writtenFolders } from "./record.ts";
import type { SandboxPaths, SandboxRecord } from "./record.ts";
import { startFailureIn } from "./start-failure.ts";

/** What the command left running may finish by itself for so long, such as a `tee` that still empties its pipe. */
const LEFTOVER_GRACE_MS = 200;
/** How often an adopted command is looked at when the file system does not say that something changed. */
const ADOPTED_POLL_MS = 100;
/** How long a SIGKILL waits for bwrap to say which process to kill. */
const SETUP_LIMIT_MS = 2_000;

export interface SandboxExecutionOptions {
  paths: SandboxPaths;
  record: SandboxRecord;
  /** bwrap, when this process started it. */
  child?: ChildProcess;
  /** Ended when the command may begin, where it has to be taken into its group first. Closed by this process's death too: the next agent takes the run in. */
  gate?: Writable;
  patience?: PatienceWithKilled;
  /** Why its limits are not kept by the kernel. */
  problem?: string;
}

export class SandboxExecution implements Execution {
  readonly started: Promise<void>;
  readonly exited: Promise<ExitStatus>;
  readonly spoolPath: string;
  readonly #paths: SandboxPaths;
  readonly #record: SandboxRecord;
  /** Settles when the outer bwrap has ended; undefined for an adopted one. Gives the reason when it never ran. */
  readonly #outerEnd: Promise<string | undefined> | undefined;
  readonly #gate: Writable | undefined;
  readonly #cgroup: Cgroup | undefined;
  readonly #guard: RunGuard;
  readonly #lastWait: LastWait;
  #outerEnded = false;
  #init: ProcessIdentity | undefined;
  #isWithin = false;
  #hasEnded = false;
  #wasKilled = false;

  constructor(options: SandboxExecutionOptions) {
    this.#paths = options.paths;
    this.#record = options.record;
    this.spoolPath = options.paths.spool;
    this.#outerEnd = options.child === undefined ? undefined : this.#endOf(options.child);
    this.#gate = options.gate;
    // It may be gone before it is let through.
    this.#gate?.on("error", () => undefined);
    this.#cgroup = options.record.cgroup && openCgroup(options.record.cgroup);
    this.#guard = this.#guardOf(options);
    this.#lastWait = new LastWait({
      patience: options.patience ?? PATIENCE,
      processes: () => this.processes(),
      say: (text) => this.#guard.notice(text),
    });
    const started = this.#followStart();
    this.started = started.then(() => undefined);
    const ended = started.then(() => this.#followEnd());
    this.exited = Promise.race([ended, this.#lastWait.givenUp.then(() => this.#leave())]);
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (signal === "SIGKILL") return this.#kill();
    await this.started;
    if (this.#hasEnded || this.#init === undefined) return;
    const seen = new Set<number>();
    // A process may fork while the list is made, so it is made again until it holds nobody new.
    for (;;) {
      const fresh = descendantsOf(this.#init.pid).filter((pid) => !seen.has(pid));
      if (fresh.length === 0) return;
      for (const pid of fresh) {
        seen.add(pid);
        sendSignal(pid, "SIGTERM");
        // A stopped process would hear of it only when somebody continues it.
        sendSignal(pid, "SIGCONT");
      }
    }
  }

  hasExited(): boolean {
    return this.#hasEnded || readStatus(this.#paths.status).exitCode !== undefined;
  }

  liveSpellPath(): string | undefined {
    return this.#hasEnded || this.#init === undefined ? undefined : `/proc/${this.#init.pid}/root/spell`;
  }

  processes(): Promise<readonly number[]> {
    if (this.#hasEnded || this.#init === undefined) return Promise.resolve([]);
    return Promise.resolve([this.#init.pid, ...descendantsOf(this.#init.pid)]);
  }

  onNotice(listener: (text: string) => void): void {
    this.#guard.onNotice(listener);
  }

  written(): Promise<WrittenEntry[]> {
    const mountPaths = this.#record.mountPaths
      .filter((path) => path.startsWith("/spell/"))
      .map((path) => path.slice("/spell/".length));
    return writtenEntries({ folder: this.#paths.spellUpper, code: this.#record.code, mountPaths });
  }

  async dispose(): Promise<void> {
    await this.#kill();
    await this.exited;
    await removeGroup(this.#cgroup);
    // First the record: without it nobody takes half a folder for a run.
    await removeTree(this.#paths.record);
    await removeTree(this.#paths.folder);
  }

  #endOf(child: ChildProcess): Promise<string | undefined> {
    return new Promise((resolve) => {
      const end = (problem?: string): void => {
        this.#outerEnded = true;
        resolve(problem);
      };
      child.once("error", (error) => end(error.message));
      child.once("exit", () => end());
    });
  }

  /** Waits until the command runs, or never will. */
  async #followStart(): Promise<void> {
    if (this.#record.startFailure !== undefined || this.#record.bootId !== bootId()) return;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs + 1, 20)) {
      const status = readStatus(this.#paths.status);
      this.#findInit(status.initPid);
      await this.#letThrough();
      if (status.exitCode !== undefined || this.#outerEnded) return;
      if (this.#init !== undefined && this.#isUnderWay(this.#init)) return;
      if (this.#outerEnd === undefined && this.#init === undefined && allMarked(this.#record.mark).length === 0) return;
      await Promise.race([this.#outerEnd ?? pause(pauseMs), pause(pauseMs)]);
    }
  }

  /** The command begins inside of its limits. */
  async #letThrough(): Promise<void> {
    if (this.#init === undefined || this.#isWithin) return;
    this.#isWithin = true;
    if (this.#outerEnd === undefined) await this.#guard.enterAll();
    else if (this.#gate !== undefined) await this.#guard.enter(this.#init.pid);
    this.#gate?.end();
    this.#guard.watch();
  }

  /** A signal sent before the command's own program runs would hit bwrap, which then reports no exit code. */
  #isUnderWay(init: ProcessIdentity): boolean {
    return hasForeignChild(init.pid, this.#record.mark) || !isAlive(init);
  }

  async #followEnd(): Promise<ExitStatus> {
    const unstartable = this.#record.startFailure ?? (await this.#outerEnd);
    if (unstartable !== undefined) return this.#end({ startFailure: unstartable, endedAtMs: Date.now() });
    if (this.#init !== undefined && this.#outerEnd === undefined) await this.#watchAdopted(this.#init);
    if (this.#init !== undefined) await this.#outlive(this.#init);
    if (this.#outerEnd === undefined) await this.#outliveOuter();
    const { exitCode } = readStatus(this.#paths.status);
    if (exitCode !== undefined)
      return this.#end({ exitCode, ...this.#guard.conclude(exitCode), endedAtMs: this.#endedAtMs() });
    if (this.#wasKilled) return this.#end({ exitCode: 137, ...this.#guard.conclude(137), endedAtMs: Date.now() });
    return this.#end({ startFailure: startFailureIn(this.spoolPath), endedAtMs: Date.now() });
  }

  /** Nobody waits for those any longer that cannot be ended. */
  async #leave(): Promise<ExitStatus> {
    const left = await this.processes();
    const { exitCode = 137 } = readStatus(this.#paths.status);
    return this.#end({ exitCode, ...this.#guard.conclude(exitCode), left, endedAtMs: Date.now() });
  }

  /** Waits for the exit code of a command that another process started, or for its end without one. */
  async #watchAdopted(init: ProcessIdentity): Promise<void> {
    let wake = (): void => undefined;
    const watcher = watch(this.#paths.status, () => wake());
    try {
      while (readStatus(this.#paths.status).exitCode === undefined && isAlive(init) && !this.#hasEnded) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), pause(ADOPTED_POLL_MS)]);
      }
    } finally {
      watcher.close();
    }
  }

  /** Waits until the namespace is gone; once the command itself has ended, what it left running is ended too. */
  async #outlive(init: ProcessIdentity): Promise<void> {
    let deadline: number | undefined;
    for (let pauseMs = 0; isAlive(init) && !this.#hasEnded; pauseMs = Math.min(pauseMs + 1, ADOPTED_POLL_MS)) {
      if (readStatus(this.#paths.status).exitCode !== undefined) deadline ??= Date.now() + LEFTOVER_GRACE_MS;
      if (deadline !== undefined && Date.now() > deadline) {
        sendSignal(init.pid, "SIGKILL");
        this.#lastWait.begin();
      }
      // Most are gone within a millisecond of the outer bwrap.
      await (pauseMs < 3 ? new Promise<void>((resolve) => setImmediate(resolve)) : pause(pauseMs - 2));
    }
  }

  /** The inner bwrap may be gone a moment before the outer one has written the exit code. */
  async #outliveOuter(): Promise<void> {
    while (readStatus(this.#paths.status).exitCode === undefined && allMarked(this.#record.mark).length > 0)
      await pause(2);
  }

  async #kill(): Promise<void> {
    if (this.#hasEnded) return;
    this.#wasKilled = true;
    const deadline = Date.now() + SETUP_LIMIT_MS;
    while (!this.#hasEnded && this.#init === undefined && !this.#outerEnded && Date.now() < deadline) {
      this.#findInit(readStatus(this.#paths.status).initPid);
      if (this.#init === undefined && this.#outerEnd === undefined) break;
      if (this.#init === undefined) await pause(1);
    }
    if (this.#init !== undefined) {
      if (isAlive(this.#init)) sendSignal(this.#init.pid, "SIGKILL");
      this.#lastWait.begin();
    } else if (!this.#outerEnded) {
      // Still being set up after all that time: both halves of bwrap bear the mark, and the command does not run yet.
      for (const { pid } of allMarked(this.#record.mark)) sendSignal(pid, "SIGKILL");
    }
  }

  #findInit(pid: number | undefined): void {
    if (this.#init === undefined && pid !== undefined) this.#init = findMarked(pid, this.#record.mark);
  }

  #guardOf({ record, paths, problem }: SandboxExecutionOptions): RunGuard {
    return new RunGuard({
      limits: record.limits ?? {},
      cgroup: this.#cgroup,
      problem,
      verdictPath: paths.verdict,
      processes: () => this.processes(),
      written: () => writtenFolders(paths.folder),
      end: () => this.#kill(),
    });
  }

  #end(status: ExitStatus): ExitStatus {
    this.#hasEnded = true;
    this.#guard.stop();
    this.#lastWait.stop();
    this.#gate?.destroy();
    return status;
  }

  #endedAtMs(): number {
    return this.#outerEnd === undefined ? Math.round(statSync(this.#paths.status).mtimeMs) : Date.now();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
