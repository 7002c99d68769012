/**
 * Keeps one run within its limits. Where there is a control group the kernel does, and its counts tell afterwards; otherwise the agent
 * looks again and again, and ends the run. What is written is measured in either case. The verdict is on the disk before the run is
 * ended, so a later agent gives the same reason.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { countThreads, usedMemory, writtenBytes } from "./measure.ts";
import { keptByLookingOn } from "./make-group.ts";
import { outOfMemory, refusedProcesses, tooManyProcesses, tooMuchMemory, tooMuchWritten } from "./run-limits.ts";
import type { LimitReason, RunLimits } from "./run-limits.ts";

const LOOK_EVERY_MS = 500;
const MEASURE_EVERY_MS = 2_000;
/** Looking costs the machine something: so many times as long it is left alone after. */
const REST_FACTOR = 20;

export interface RunGuardOptions {
  limits: RunLimits;
  cgroup: Cgroup | undefined;
  /** Why the kernel does not keep them, where that is news. */
  problem?: string;
  /** Where the verdict is kept. */
  verdictPath: string;
  /** The run's living processes, in its control group or not. */
  processes(): Promise<readonly number[]>;
  /** The folders of this machine in which lies what the run writes. */
  written(): readonly string[];
  /** SIGKILL to all of it. */
  end(): Promise<void>;
}

export class RunGuard {
  readonly #options: RunGuardOptions;
  readonly #notices: string[] = [];
  readonly #listeners: ((text: string) => void)[] = [];
  #timers: NodeJS.Timeout[] = [];
  /** Undefined also when the kernel did not let the run in. */
  #cgroup: Cgroup | undefined;
  #isOver = false;

  constructor(options: RunGuardOptions) {
    this.#options = options;
    this.#cgroup = options.cgroup;
    if (options.problem !== undefined) this.notice(options.problem);
  }

  /** What the user should hear while the run goes on. */
  onNotice(listener: (text: string) => void): void {
    this.#listeners.push(listener);
    for (const text of this.#notices) listener(text);
  }

  /** The run's, if it is in one. */
  get cgroup(): Cgroup | undefined {
    return this.#cgroup;
  }

  /** Takes a process in that was not born there, before it starts others. */
  async enter(pid: number): Promise<void> {
    try {
      await this.#cgroup?.enter(pid);
    } catch (error) {
      this.#cgroup = undefined;
      this.notice(keptByLookingOn(error));
    }
  }

  /** Takes in what an earlier agent did not come to. */
  async enterAll(): Promise<void> {
    const tried = new Set<number>();
    for (;;) {
      const inside = new Set(this.#cgroup?.processes());
      const fresh = (await this.#options.processes()).filter((pid) => !inside.has(pid) && !tried.has(pid));
      if (fresh.length === 0 || this.#cgroup === undefined) return;
      for (const pid of fresh) {
        tried.add(pid);
        await this.enter(pid);
      }
    }
  }

  /** From when the command runs until `conclude`. */
  watch(): void {
    if (this.#isOver) return;
    const { limits } = this.#options;
    const cgroup = this.#cgroup;
    const earlier = this.#verdict();
    if (earlier !== undefined) return this.#end(earlier);
    if (cgroup !== undefined) {
      if (limits.processes !== undefined) this.#repeat(() => this.#lookAtRefused(cgroup), LOOK_EVERY_MS);
    } else if (limits.memoryBytes !== undefined || limits.processes !== undefined) {
      this.#repeat(() => this.#look(), LOOK_EVERY_MS);
    }
    if (limits.diskBytes !== undefined) this.#repeat(() => this.#measure(), MEASURE_EVERY_MS);
  }

  /** What the limits had to do with the end. A command that ended with 0 has managed all the same. */
  conclude(exitCode: number | undefined): { limit?: LimitReason } {
    this.stop();
    const { limits } = this.#options;
    const cgroup = this.#cgroup;
    if (cgroup !== undefined) this.#lookAtRefused(cgroup);
    const limit = this.#verdict() ?? (cgroup && outOfMemory(cgroup.usage(), limits));
    if (limit === undefined || exitCode !== 0) return limit === undefined ? {} : { limit };
    this.notice(`${limit.sentence} (${limit.code})`);
    return {};
  }

  /** No more looks. Idempotent. */
  stop(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #lookAtRefused(cgroup: Cgroup): void {
    const { processes } = this.#options.limits;
    if (processes !== undefined && cgroup.usage().refusedProcesses > 0) this.notice(refusedProcesses(processes));
  }

  async #look(): Promise<void> {
    const { limits } = this.#options;
    const pids = await this.#options.processes();
    const used = await usedMemory(pids, limits.memoryBytes ?? Number.POSITIVE_INFINITY);
    if (limits.memoryBytes !== undefined && used > limits.memoryBytes)
      this.#end(tooMuchMemory(used, limits.memoryBytes));
    const count = await countThreads(pids);
    if (limits.processes !== undefined && count > limits.processes)
      this.#end(tooManyProcesses(count, limits.processes));
  }

  async #measure(): Promise<void> {
    const { limits } = this.#options;
    const bytes = await writtenBytes(this.#options.written());
    if (limits.diskBytes !== undefined && bytes > limits.diskBytes) this.#end(tooMuchWritten(bytes, limits.diskBytes));
  }

  #repeat(look: () => void | Promise<void>, everyMs: number): void {
    const place = this.#timers.length;
    const again = (pauseMs: number): void => {
      this.#timers[place] = setTimeout(() => {
        const began = performance.now();
        // One that fails says nothing: the next one may.
        void Promise.resolve()
          .then(look)
          .catch(() => undefined)
          .then(() => {
            if (!this.#isOver) again(Math.max(everyMs, (performance.now() - began) * REST_FACTOR));
          });
      }, pauseMs);
    };
    again(everyMs);
  }

  #end(reason: LimitReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#verdict() === undefined)
      writeFileSync(this.#options.verdictPath, JSON.stringify(reason), { mode: 0o600 });
    // It shows in the run's end.
    void this.#options.end().catch(() => undefined);
  }

  #verdict(): LimitReason | undefined {
    try {
      return JSON.parse(readFileSync(this.#options.verdictPath, "utf8")) as LimitReason;
    } catch {
      return undefined;
    }
  }

  /** Something for the run's log; once. */
  notice(text: string): void {
    if (this.#notices.includes(text)) return;
    this.#notices.push(text);
    for (const listener of this.#listeners) listener(text);
  }
}
