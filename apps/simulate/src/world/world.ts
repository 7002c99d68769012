/**
 * A simulated world: one queue of things that will happen, taken in the order of virtual time. Between two of them everything that can
 * go on without waiting has gone on, so nothing but the seed decides what comes when.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import TinyQueue from "tinyqueue";
import { History } from "./history.ts";
import type { Host } from "./host.ts";
import { Random } from "./random.ts";

/** Unix time at which every world begins, milliseconds. */
export const BEGIN_MS = Date.UTC(2030, 0, 1);

/** The Node.js of this process, from before it was replaced. */
const realImmediate = setImmediate;
const inProcess = new AsyncLocalStorage<SimProcess | undefined>();

/** Thrown into the code of a process that is dead: it may catch it, but nothing that it does has an effect any more. */
export class Died extends Error {}

/** One life of a simulated process: what it began and did not end dies with it. */
export interface SimProcess {
  name: string;
  host: Host;
  alive: boolean;
  /** Stopped as by SIGSTOP: what would happen to it waits here. */
  paused?: SimEvent[];
  pausedAtMs?: number;
  startedAtMs: number;
  /** It is killed at this effect from now; undefined: it is not. */
  killAtEffect?: number;
  /** What it held open elsewhere. */
  onDeath: (() => void)[];
}

export interface SimEvent {
  atMs: number;
  order: number;
  label: string;
  process: SimProcess | undefined;
  run: (() => void) | undefined;
}

export class World {
  readonly random: Random;
  readonly history: History;
  nowMs = 0;
  #order = 0;
  readonly #queue = new TinyQueue<SimEvent>([], (one, other) => one.atMs - other.atMs || one.order - other.order);
  /** Called when a process was killed in the middle of what it did. */
  onKilled: (process: SimProcess) => void = () => undefined;

  constructor(seed: number, options: { keepHistory: boolean }) {
    this.random = new Random(seed);
    this.history = new History(() => this.nowMs, options.keepHistory);
  }

  /** Lets something happen to a process, or to nobody in particular, so many milliseconds from now. */
  after(
    delayMs: number,
    label: string,
    run: () => void,
    whose: SimProcess | "nobody" = currentProcess() ?? "nobody",
  ): SimEvent {
    const process = whose === "nobody" ? undefined : whose;
    const event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, label, process, run };
    this.#queue.push(event);
    return event;
  }

  /** Takes the next thing that happens; false when nothing will. Everything that follows at once has followed. */
  async step(): Promise<boolean> {
    for (;;) {
      const event = this.#queue.pop();
      if (event === undefined) return false;
      const { process } = event;
      if (event.run === undefined || process?.alive === false) continue;
      this.nowMs = Math.max(this.nowMs, event.atMs);
      if (process?.paused !== undefined) {
        process.paused.push(event);
        continue;
      }
      this.history.step(event.label, process?.name);
      const { run } = event;
      event.run = undefined;
      inProcess.run(process, () => {
        try {
          run();
        } catch (error) {
          if (!(error instanceof Died)) throw error;
        }
      });
      await settled();
      return true;
    }
  }

  /** Something is about to leave the process: here it may be killed. Throws `Died` when it is dead. */
  effect(process: SimProcess | undefined = currentProcess()): void {
    if (process === undefined) return;
    if (process.killAtEffect !== undefined && process.killAtEffect-- <= 0) {
      process.killAtEffect = undefined;
      this.kill(process);
      this.onKilled(process);
    }
    if (!process.alive) throw new Died(`${process.name} is dead`);
  }

  /** As by SIGKILL. */
  kill(process: SimProcess): void {
    if (!process.alive) return;
    process.alive = false;
    process.paused = undefined;
    for (const release of process.onDeath.splice(0)) release();
  }

  current(): SimProcess | undefined {
    return currentProcess();
  }

  pause(process: SimProcess): void {
    if (process.alive) process.paused ??= [];
  }

  resume(process: SimProcess): void {
    const waiting = process.paused ?? [];
    process.paused = undefined;
    for (const event of waiting) this.#queue.push({ ...event, atMs: this.nowMs, order: this.#order++ });
  }
}

/** The process whose code runs right now. */
export function currentProcess(): SimProcess | undefined {
  return inProcess.getStore();
}

/** Runs code as this process. */
export function asProcess<T>(process: SimProcess | undefined, run: () => T): T {
  return inProcess.run(process, run);
}

export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Resolves when all promises that can settle have. */
function settled(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}

let present: World | undefined;

/** The world that the replaced parts of Node.js act in. */
export function world(): World {
  if (present === undefined) throw new Error("there is no world");
  return present;
}

export function enterWorld(next: World | undefined): void {
  present = next;
}
