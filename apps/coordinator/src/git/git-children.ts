/** Gits of the coordinator's own: each in a process group that has a deadline and ends with the coordinator. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import pLimit from "p-limit";
import { SpellError } from "@spell/domain";
import { gitEnvironment, gitSentence } from "@spell/spellfs";
import type { GitSettings } from "@spell/spellfs";

/** How many work at the same time: each may take a core and some memory. */
const AT_ONCE = 4;
/** The first that reads settings from its environment; older ones would silently go without. */
const OLDEST = [2, 31] as const;
/** From asking it to end until it is killed. */
const GRACE_MS = 2_000;

export interface GitCommand {
  args: readonly string[];
  environment?: Readonly<Record<string, string>>;
  settings?: GitSettings;
  protocols?: readonly string[];
  /** Its standard input: text, or an open file. Default: none. */
  input?: string | number;
}

export interface GitEnd {
  exitCode: number;
  stdout: string;
  /** The end of what it said. */
  stderr: string;
}

export class GitChildren {
  readonly #limit = pLimit(AT_ONCE);
  readonly #running = new Set<ChildProcess>();
  readonly #seconds: number;
  #closed = false;
  #version: Promise<void> | undefined;

  /** `seconds`: how long one may work. */
  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** Runs it to its end. `started` is given the process. Throws `exhausted` reason `git-timeout` when it takes too long. */
  run(command: GitCommand, started: (child: ChildProcess) => void = () => undefined): Promise<GitEnd> {
    return this.#limit(() => this.#runNow(command, started));
  }

  /** Runs it; throws `internal` with git's sentence unless it ends well: for what cannot fail by anybody's fault but ours. */
  async check(command: GitCommand): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command);
    if (exitCode === 0) return stdout;
    if (this.#closed) throw ending();
    throw new SpellError("internal", `git ${command.args[0] ?? ""} failed: ${gitSentence(stderr)}`);
  }

  /** Throws `unavailable` reason `no-git` unless git is there and new enough to be given its settings from outside. */
  async requireGit(): Promise<void> {
    this.#version ??= this.run({ args: ["version"] }).then(({ stdout }) => {
      if (isNewEnough(stdout)) return;
      const message = `${stdout.trim() || "This git"} is too old: install git ${OLDEST.join(".")} or newer on the coordinator's machine.`;
      throw new SpellError("unavailable", message, { reason: "no-git" });
    });
    try {
      await this.#version;
    } catch (error) {
      // It may be installed meanwhile.
      this.#version = undefined;
      throw error;
    }
  }

  /** Ends all that runs; what is asked for afterwards fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = [...this.#running].map(async (child) => {
      // Asked to, git takes its lock files along.
      killGroup(child, "SIGTERM");
      const timer = setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      clearTimeout(timer);
    });
    await Promise.all(ended);
  }

  #runNow(command: GitCommand, started: (child: ChildProcess) => void): Promise<GitEnd> {
    if (this.#closed) throw ending();
    const { args, environment, settings, protocols, input } = command;
    const env = { ...gitEnvironment(settings, protocols), ...environment };
    const stdin = input === undefined ? "ignore" : typeof input === "number" ? input : "pipe";
    // A group of its own: git starts further gits, which must end with it.
    const child = spawn("git", args, { env, cwd: "/", detached: true, stdio: [stdin, "pipe", "pipe"] });
    this.#running.add(child);
    let [stdout, stderr, late] = ["", "", false];
    const timers = [setTimeout(() => (late = killGroup(child, "SIGTERM")), this.#seconds * 1_000)];
    timers.push(setTimeout(() => killGroup(child, "SIGKILL"), this.#seconds * 1_000 + GRACE_MS));
    // One that ends before it has read its input says why on stderr.
    child.stdin?.on("error", () => undefined);
    if (typeof input === "string") child.stdin?.end(input);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-8_000)));
    return new Promise<GitEnd>((resolve, reject) => {
      child.once("error", (error) => {
        const hint = "Install git on the coordinator's machine.";
        reject(
          new SpellError("unavailable", `git cannot be started (${error.message}). ${hint}`, { reason: "no-git" }),
        );
      });
      child.once("close", (code) => {
        if (late)
          reject(new SpellError("exhausted", `it took longer than ${this.#seconds} s`, { reason: "git-timeout" }));
        else resolve({ exitCode: code ?? -1, stdout, stderr });
      });
      started(child);
      if (child.stdout?.listenerCount("data") === 0 && child.stdout.listenerCount("readable") === 0) {
        child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      }
    }).finally(() => {
      for (const timer of timers) clearTimeout(timer);
      this.#running.delete(child);
    });
  }
}

function ending(): SpellError {
  return new SpellError("unavailable", "The coordinator is ending.");
}

/** Of what `git version` prints. Pure. */
export function isNewEnough(text: string): boolean {
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** True: it was told. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): boolean {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}
