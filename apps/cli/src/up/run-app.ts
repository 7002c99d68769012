/** Runs one of the long-lived programs in the foreground, as its own process. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { UsageError } from "../exit-codes.ts";
import { environment } from "../config.ts";
import { terminal } from "../output/terminal.ts";
import { appArguments, appEnvironment } from "./programs.ts";

const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 5_000;
/** A program that lived this long was well: the next restart is quick again. */
const WELL_AFTER_MS = 30_000;

/** What the program says of itself, by the name of the line's first member. */
export type OnLine = Partial<Record<"ready" | "standby", (line: Record<string, unknown>) => void>>;

export interface RunOptions {
  /** Once it has said one of these lines, it is started again however it ends, but for a signal that was sent to us. */
  again?: boolean;
}

/** Resolves when it has ended well; throws with its exit code otherwise. Signals are passed on. */
export async function runApp(
  app: "coordinator" | "agent",
  words: readonly string[],
  on: OnLine,
  { again = false }: RunOptions = {},
): Promise<void> {
  let restartMs = FIRST_RESTART_MS;
  const life = new Life(app, words, on);
  for (;;) {
    const startedAt = performance.now();
    const { code, signal } = await life.run();
    if (code === 0) return;
    const how = signal ?? `exit code ${code}`;
    if (!again || !life.served || life.stopped) throw new UsageError(code ?? 1, `The ${app} ended with ${how}.`);
    if (performance.now() - startedAt > WELL_AFTER_MS) restartMs = FIRST_RESTART_MS;
    terminal.error(`The ${app} ended with ${how} and is started again.`);
    await delay(restartMs);
    if (life.stopped) return;
    restartMs = Math.min(LAST_RESTART_MS, restartMs * 2);
  }
}

/** The program over all its restarts. */
class Life {
  served = false;
  stopped = false;
  readonly #app: "coordinator" | "agent";
  readonly #words: readonly string[];
  readonly #on: OnLine;
  #kill: (signal: NodeJS.Signals) => void = () => undefined;

  constructor(app: "coordinator" | "agent", words: readonly string[], on: OnLine) {
    this.#app = app;
    this.#words = words;
    this.#on = on;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        this.stopped = true;
        this.#kill(signal === "SIGHUP" ? "SIGTERM" : signal);
      });
    }
  }

  /** Once, to its end. */
  async run(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = spawn(process.execPath, [...appArguments(this.#app), ...this.#words], {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
      env: { ...environment, ...appEnvironment() },
    });
    this.#kill = (signal) => void child.kill(signal);
    createInterface({ input: child.stdout }).on("line", (line) => this.#read(line));
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...how) => resolve(how));
    });
    return { code, signal };
  }

  #read(line: string): void {
    const kind = /^\{"(ready|standby)":true/.exec(line)?.[1] as "ready" | "standby" | undefined;
    if (kind === undefined) {
      terminal.line(line);
      return;
    }
    this.served = true;
    this.#on[kind]?.(JSON.parse(line) as Record<string, unknown>);
  }
}
