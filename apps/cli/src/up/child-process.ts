/** One long-lived part of the system as a child process: started, watched, started again when it dies, ended in the end. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { SpellError } from "@spell/domain";
import { environment as ownEnvironment } from "../config.ts";

const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 5_000;
/** A part that lived this long was well: the next restart is quick again. */
const WELL_AFTER_MS = 30_000;
/** A part that serves by then is well; one that does not hangs, and whoever started it should hear so. */
const START_DEADLINE_MS = 60_000;
/** How often a log is looked at for the line that says that its writer serves. */
const LOOK_EVERY_MS = 10;

const NODE_VERSION = /^Node\.js v\d/;
const THROWN = /^\w*Error\b.*: /;

interface Ended {
  name: string;
  how: string;
  logPath: string;
  /** Where its part of the log begins, bytes. */
  logStart: number;
}

export interface ChildOptions {
  name: string;
  command: string;
  /** Asked for at every start: ports may have been chosen meanwhile. */
  args: () => string[];
  environment?: Record<string, string>;
  /** Its stderr goes here, appended. */
  logPath: string;
  /** Recognises the line on stdout, or with `readyIn: "log"` in its log, that says it serves. */
  isReady: (line: string) => boolean;
  /** Where that line comes. Default: stdout. */
  readyIn?: "stdout" | "log";
  /** How long the first start may take, milliseconds. Default: a minute. */
  startDeadlineMs?: number;
  onStart(name: string, pid: number): void;
  onRestart(name: string, how: string): void;
}

export class ManagedChild {
  readonly #options: ChildOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #stopping = false;
  #served = false;
  #restartMs = FIRST_RESTART_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves with the ready line. Throws `unavailable` with what it said when it ends before that. */
  start(): Promise<string> {
    return this.#spawn();
  }

  /** Sends a signal; a part that is gone is not started again. */
  signal(signal: NodeJS.Signals): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill(signal);
  }

  /** Resolves once it has ended. */
  async ended(): Promise<void> {
    await this.#exited;
  }

  #spawn(): Promise<string> {
    const { name, command, args, environment, logPath, isReady, readyIn = "stdout" } = this.#options;
    const { startDeadlineMs = START_DEADLINE_MS } = this.#options;
    const log = openSync(logPath, "a", 0o600);
    const logStart = fstatSync(log).size;
    // A process group of its own: ^C in the terminal reaches `spell up` alone, which ends its parts in order.
    const child = spawn(command, args(), {
      stdio: ["ignore", "pipe", log],
      detached: true,
      env: { ...ownEnvironment, ...environment },
    });
    closeSync(log);
    this.#child = child;
    const startedAt = Date.now();
    if (child.pid !== undefined) this.#options.onStart(name, child.pid);
    return new Promise((resolve, reject) => {
      let pending = "";
      // Later starts may wait for other parts, and nobody waits for them.
      const tooLong = (): void => {
        const limit = `${startDeadlineMs / 1000} s`;
        const message = `The ${name} did not start within ${limit} and was ended; its log is ${logPath}.`;
        reject(new SpellError("unavailable", message));
        child.kill("SIGKILL");
      };
      const deadline = this.#served ? undefined : setTimeout(tooLong, startDeadlineMs);
      const served = (line: string): void => {
        clearTimeout(deadline);
        this.#served = true;
        resolve(line);
      };
      child.stdout?.on("data", (chunk: Buffer) => {
        pending += chunk.toString();
        const lines = pending.split("\n");
        pending = lines.pop() ?? "";
        for (const line of lines) if (readyIn === "stdout" && isReady(line)) served(line);
      });
      const look = (): void => {
        const line = linesSince(logPath, logStart).find(isReady);
        if (line === undefined) return;
        clearInterval(looking);
        served(line);
      };
      const looking = readyIn === "log" ? setInterval(look, LOOK_EVERY_MS) : undefined;
      this.#exited = new Promise((exited) => {
        const gone = (how: string): void => {
          this.#child = undefined;
          clearInterval(looking);
          clearTimeout(deadline);
          exited();
          reject(new SpellError("unavailable", startProblem({ name, how, logPath, logStart })));
          // What never served would not the next time either: whoever started it hears why.
          if (!this.#stopping && this.#served) this.#scheduleRestart(startedAt, how);
        };
        child.once("error", (error) => gone(error.message));
        child.once("exit", (code, signal) => gone(signal ?? `exit code ${code}`));
      });
    });
  }

  #scheduleRestart(startedAt: number, how: string): void {
    if (Date.now() - startedAt > WELL_AFTER_MS) this.#restartMs = FIRST_RESTART_MS;
    this.#options.onRestart(this.#options.name, how);
    this.#timer = setTimeout(() => {
      this.#spawn().catch(() => undefined);
    }, this.#restartMs);
    this.#restartMs = Math.min(LAST_RESTART_MS, this.#restartMs * 2);
  }
}

/** What a part said for people before it ended: its last line that is not a structured log line. */
function startProblem({ name, how, logPath, logStart }: Ended): string {
  const lines = linesSince(logPath, logStart).filter((line) => line !== "" && !line.startsWith("{"));
  // Node ends the trace of an error that nobody caught with its version; the error itself stands above the trace.
  const crash = NODE_VERSION.test(lines.at(-1) ?? "") ? lines.find((line) => THROWN.test(line)) : undefined;
  if (crash !== undefined)
    return `The ${name} ended with an error that it did not expect: ${crash}. Its log is ${logPath}.`;
  return lines.at(-1)?.replace(/^spell \w+: /, "") ?? `The ${name} ended at once (${how}); its log is ${logPath}.`;
}

/** Not the whole file: a log may have grown for years. */
function linesSince(path: string, start: number): string[] {
  const log = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(log).size - start));
    return bytes
      .toString("utf8", 0, readSync(log, bytes, 0, bytes.length, start))
      .trimEnd()
      .split("\n");
  } finally {
    closeSync(log);
  }
}
