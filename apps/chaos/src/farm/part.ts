/** A part of the farm as a service manager keeps it: a process on its machine, started again when it ends by itself. */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { partEnvironment } from "../config.ts";
import type { Machine } from "../network/machine.ts";
import { childOf } from "../network/processes.ts";

const RESTART_MS = 300;
const LOOK_EVERY_MS = 10;

export interface PartOptions {
  name: string;
  machine: Machine;
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
  logPath: string;
  /** What in its output says that it serves. */
  ready: RegExp;
}

export class Part {
  readonly name: string;
  /** Ends that nobody asked for, in words. */
  readonly crashes: string[] = [];
  readonly #options: PartOptions;
  #wanted = false;
  #launcher = 0;
  #pid = 0;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: PartOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts it; resolves once it serves, after as many tries as that takes. */
  async start(): Promise<void> {
    this.#wanted = true;
    while (this.#wanted && !(await this.#spawn())) await sleep(RESTART_MS);
  }

  /** kill -9; it stays away until it is started. */
  async kill(): Promise<void> {
    this.#wanted = false;
    this.#signal("SIGKILL");
    await this.#ended;
  }

  /** SIGTERM or SIGINT; resolves once it has ended. */
  async end(signal: "SIGTERM" | "SIGINT", withinMs: number): Promise<void> {
    this.#wanted = false;
    this.#signal(signal);
    const timer = setTimeout(() => this.#signal("SIGKILL"), withinMs);
    await this.#ended;
    clearTimeout(timer);
  }

  freeze(): void {
    this.#signal("SIGSTOP");
  }

  thaw(): void {
    this.#signal("SIGCONT");
    // It stops together with what it launched.
    if (this.#launcher !== 0) process.kill(this.#launcher, "SIGCONT");
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#pid !== 0) process.kill(this.#pid, signal);
    } catch {
      // It has just ended.
    }
  }

  /** Resolves with whether it serves. */
  async #spawn(): Promise<boolean> {
    const { machine, command, environment, logPath } = this.#options;
    const log = openSync(logPath, "a", 0o600);
    const from = fstatSync(log).size;
    const [program = "", ...args] = [...machine.enter, ...command];
    const env = { ...partEnvironment, HOME: machine.data, ...environment };
    const child = spawn(program, args, { cwd: "/", env, stdio: ["ignore", log, log] });
    closeSync(log);
    let serves = false;
    let how: string | undefined;
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => {
        how = error.message;
        resolve();
      });
      child.once("exit", (code, signal) => {
        how = signal ?? `exit code ${code}`;
        this.#pid = 0;
        this.#launcher = 0;
        resolve();
        if (!serves || !this.#wanted) return;
        this.crashes.push(`${this.name} ended by itself (${how})`);
        void sleep(RESTART_MS).then(() => (this.#wanted ? this.start() : undefined));
      });
    });
    this.#launcher = child.pid ?? 0;
    this.#pid = await childOf(this.#launcher);
    while (how === undefined) {
      if (this.#options.ready.test(readFileSync(logPath).subarray(from).toString())) {
        serves = true;
        return true;
      }
      await sleep(LOOK_EVERY_MS);
    }
    return false;
  }
}
