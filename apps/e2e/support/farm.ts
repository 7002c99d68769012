/** A farm as `spell up` makes it, in a temporary folder: its parts can be killed, and nothing of it stays. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SpellClient, configurationPath, loadConfiguration } from "@spell/sdk";
import { tempFolder, waitFor } from "@spell/testing";
import type { CommandResult, RunningCommand, TempFolder } from "@spell/testing";
import type { SpellCall, SpellPlace } from "./spell.ts";
import { spell, startSpell } from "./spell.ts";

export interface FarmOptions {
  /** Further arguments of `spell up`. */
  args?: readonly string[];
  path?: readonly string[];
  enter?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

export type Part = "up" | "coordinator" | "agent" | "nats-server";

interface Mark {
  name: Part;
  pid: number;
}

const FREE_PORTS = ["--grpc-port", "0", "--http-port", "0", "--nats-port", "0"];
/** Two SIGINT sent at once would count as one. */
const SECOND_SIGNAL_AFTER_MS = 200;

export class Farm implements AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly place: SpellPlace;
  readonly #temp: TempFolder;
  readonly #args: readonly string[];
  #up: RunningCommand | undefined;

  private constructor(temp: TempFolder, options: FarmOptions) {
    this.#temp = temp;
    this.folder = temp.path;
    this.data = join(temp.path, "data");
    const { path, enter, env } = options;
    this.place = { login: join(temp.path, "login"), path, enter, env };
    this.#args = options.args ?? [];
  }

  /** Starts one; options may depend on its folder, which exists by then. */
  static async start(options: FarmOptions | ((folder: string) => FarmOptions) = {}): Promise<Farm> {
    const temp = await tempFolder("spell-farm-");
    let farm: Farm | undefined;
    try {
      farm = new Farm(temp, typeof options === "function" ? options(temp.path) : options);
      await farm.up();
      return farm;
    } catch (error) {
      await (farm ?? temp)[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `spell up`, until it says that it is; later calls continue on the same data. */
  async up(more: readonly string[] = []): Promise<RunningCommand> {
    const args = ["up", "--data", this.data, ...FREE_PORTS, "--login", ...this.#args, ...more];
    this.#up = startSpell(this.place, args);
    await this.#up.sees("Stop with ^C", { timeoutMs: 30_000 });
    return this.#up;
  }

  /** The latest `spell up`, to send it signals one by one. */
  get command(): RunningCommand {
    if (this.#up === undefined) throw new Error("the farm is not up");
    return this.#up;
  }

  /** What `spell up` printed so far. */
  said(): string {
    return `${this.#up?.stdout() ?? ""}${this.#up?.stderr() ?? ""}`;
  }

  /** Runs a command of the farm's user to its end. */
  spell(args: readonly string[], call?: SpellCall): Promise<CommandResult> {
    return spell(this.place, args, call);
  }

  startSpell(args: readonly string[], call?: SpellCall): RunningCommand {
    return startSpell(this.place, args, call);
  }

  /** The SDK, logged in as the farm's user. */
  client(): SpellClient {
    return new SpellClient(loadConfiguration({ SPELL_DIR: this.place.login }), { retryForMs: 30_000 });
  }

  /** Path of the login file. */
  get configuration(): string {
    return configurationPath({ SPELL_DIR: this.place.login });
  }

  pidOf(part: Part): number {
    const found = this.#marks().find((mark) => mark.name === part);
    if (found === undefined) throw new Error(`no ${part} in ${this.data}/up.json`);
    return found.pid;
  }

  /** kill -9, and resolves with the new process's pid once `spell up` has started one. */
  async killAndWait(part: Exclude<Part, "up">): Promise<number> {
    const before = this.pidOf(part);
    process.kill(before, "SIGKILL");
    return waitFor(`a new ${part}`, () => this.pidOf(part) !== before && this.pidOf(part));
  }

  /** kill -9 of everything but the runs, as when the machine's user is logged out hard. */
  async killAll(): Promise<void> {
    const up = this.#up;
    // `up` first: it would start the others again.
    for (const part of ["up", "agent", "coordinator", "nats-server"] as const) {
      if (this.#marks().some((mark) => mark.name === part)) killIfThere(this.pidOf(part));
    }
    await up?.done;
  }

  /** ^C: drains; once more: interrupts. Resolves with how `spell up` ended. */
  async stop(): Promise<CommandResult> {
    const up = this.command;
    up.signal("SIGINT");
    const timers = [
      setTimeout(() => up.signal("SIGINT"), SECOND_SIGNAL_AFTER_MS),
      setTimeout(() => void this.killAll(), 20_000),
    ];
    const result = await up.done;
    timers.forEach(clearTimeout);
    // Nothing is left when it ended in order; a killed one leaves its parts.
    await this.killAll();
    this.#up = undefined;
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#up !== undefined) await this.stop();
    await this.#temp[Symbol.asyncDispose]();
  }

  #marks(): Mark[] {
    try {
      return JSON.parse(readFileSync(join(this.data, "up.json"), "utf8")) as Mark[];
    } catch {
      return [];
    }
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
