/** The users of a trial: each asks for one run after the other, waits for it, and keeps what it was told. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run, SpellClient } from "@spell/sdk";
import { FINAL_STATUSES, hasCode } from "@spell/sdk";
import type { Random } from "../random.ts";
import type { LedgerAddress, Task } from "./task.ts";
import { INPUT_FILE, OUTPUT_FILE, commandOf, digestOf, makeTask, secondOf } from "./task.ts";

const TRY_AGAIN_MS = 200;

/** A task that was asked for. */
export interface Asked {
  task: Task;
  createdAtMs: number;
  endedAtMs?: number;
  createdId?: number;
  wishTaken: boolean;
}

export interface UsersOptions {
  client: SpellClient;
  ledger: LedgerAddress;
  random: Random;
  now: () => number;
  /** Ends all waiting: what has not come to an end by then is stuck. */
  signal: AbortSignal;
}

export class Users {
  readonly asked: Asked[] = [];
  readonly #options: UsersOptions;
  #numbers = 0;

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  /** One user, until there is to be no new run and the last one has ended. */
  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const task = makeTask((this.#numbers += 1), this.#options.random);
      const run = await this.play(task);
      if (run?.status === "complete" && task.hasSecond) await this.play(secondOf(task), { after: { run, task } });
    }
  }

  /** One task to its end. Gives the run; undefined when it did not end in time. */
  async play(
    task: Task,
    options: { machineType?: string; after?: { run: Run; task: Task } } = {},
  ): Promise<Run | undefined> {
    const { client, ledger, now, signal } = this.#options;
    const { machineType, after } = options;
    const asked: Asked = { task, createdAtMs: now(), wishTaken: false };
    this.asked.push(asked);
    const request = {
      command: commandOf(task, ledger, after && { digest: digestOf(after.task) }),
      ...{ clientKey: task.key, description: task.key, machineType },
      mounts: after === undefined ? {} : { [`runs/${after.run.id}/${OUTPUT_FILE}`]: INPUT_FILE },
    };
    const run = await this.#insist(() => client.runs.create(request, { signal }));
    if (run === undefined) return undefined;
    asked.createdId = run.id;
    await this.#wish(run, asked);
    const ended = await this.#insist(() => run.waitStatuses(FINAL_STATUSES, { signal }));
    if (ended !== undefined) asked.endedAtMs = now();
    return ended;
  }

  async #wish(run: Run, asked: Asked): Promise<void> {
    const { wish, wishAfterMs } = asked.task;
    const { signal } = this.#options;
    if (wish === "none") return;
    await sleep(wishAfterMs, undefined, { signal }).catch(() => undefined);
    const taken = await this.#insist(async () => {
      try {
        await run[wish]({ signal });
        return "taken" as const;
      } catch (error) {
        // It had ended before.
        if (hasCode(error, "conflict")) return "too-late" as const;
        throw error;
      }
    });
    asked.wishTaken = taken === "taken";
  }

  /** Repeats while the farm is not well; undefined at the end of all waiting. What it refuses is thrown. */
  async #insist<T>(call: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        return await call();
      } catch (error) {
        if (signal.aborted) return undefined;
        // Exhausted: its disk is full.
        if (!hasCode(error, "unavailable") && !hasCode(error, "exhausted")) throw error;
        await sleep(TRY_AGAIN_MS);
      }
    }
    return undefined;
  }
}
