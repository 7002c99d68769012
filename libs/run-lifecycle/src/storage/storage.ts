/** Keeping the store in order, as operators ask for it and once a day by itself. One piece of such work at a time. */
import { conflict } from "@spell/domain";
import type { ObjectStore } from "@spell/object-store";
import type { RunStore } from "@spell/run-store";
import type { Principal } from "../principal.ts";
import { requireOperator } from "../principal.ts";
import type { TreeCatalog } from "../tree-catalog.ts";
import type { AgentRepairs } from "./agent-repairs.ts";
import { checkStore } from "./check-store.ts";
import type { CheckProgress } from "./check-store.ts";
import { RepairBlobs } from "./repair-blobs.ts";
import { measureStore } from "./measure-store.ts";
import type { Measured } from "./measure-store.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { CollectionProgress } from "./collect-garbage.ts";

/** Settings of collections. */
export interface GarbageRules {
  /** What was committed or put for so long lives, whether anything names it or not. */
  graceMs: number;
  /** How often it is done by itself; 0: never. */
  everyMs: number;
  /** Outputs of runs that were archived so long ago are given up. Default: never. */
  keepArchivedOutputsMs?: number;
}

export interface StorageDeps {
  store: RunStore;
  objects: ObjectStore;
  trees: TreeCatalog;
  repairs: AgentRepairs;
  rules: GarbageRules;
  now: () => number;
  /** Told what a collection that began by itself came to. */
  onCollected(outcome: CollectionProgress): void;
}

/** After one that failed. */
const TRY_AGAIN_MS = 3_600_000;

export class Storage {
  readonly #deps: StorageDeps;
  #busy: string | undefined;
  #stopped = false;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #idle: Promise<void> = Promise.resolve();

  constructor(deps: StorageDeps) {
    this.#deps = deps;
  }

  /** Gives how far it is; the last one is the outcome. Operators only. Throws conflict (`storage-busy`), data-loss. */
  async *collect(
    principal: Principal,
    options: { dryRun: boolean; despiteLosses: boolean },
  ): AsyncGenerator<CollectionProgress, void, undefined> {
    await requireOperator(principal, this.#deps.store);
    const { graceMs, keepArchivedOutputsMs } = this.#deps.rules;
    yield* this.#alone("a collection", () =>
      collectGarbage(this.#deps, { ...options, graceMs, keepArchivedOutputsMs }),
    );
  }

  /** What takes the space; the last one has the outcome. Operators only. Throws conflict (`storage-busy`). */
  async *measure(principal: Principal): AsyncGenerator<{ checkedBlobs: number; measured?: Measured }, void, undefined> {
    await requireOperator(principal, this.#deps.store);
    const deps = { ...this.#deps, committedSinceMs: this.#deps.now() - this.#deps.rules.graceMs };
    yield* this.#alone("a measurement", async function* () {
      const measuring = measureStore(deps);
      let checkedBlobs = 0;
      for (let step = await measuring.next(); ; step = await measuring.next()) {
        if (step.done === true) {
          yield { checkedBlobs, measured: step.value };
          return;
        }
        checkedBlobs = step.value;
        yield { checkedBlobs };
      }
    });
  }

  /**
   * Whether all that is named is there; the last one is the outcome. With `repair` what is lost is asked of the agents that are
   * connected. Operators only. Throws conflict (`storage-busy`).
   */
  async *check(
    principal: Principal,
    { readData, repair }: { readData: boolean; repair: boolean },
  ): AsyncGenerator<CheckProgress, void, undefined> {
    await requireOperator(principal, this.#deps.store);
    const options = { readData, repair: repair ? new RepairBlobs(this.#deps) : undefined };
    yield* this.#alone("a check", () => checkStore(this.#deps, options));
  }

  /** Collects when it is time. Throws what a collection throws; then it is tried again after an hour. */
  async sweep(): Promise<void> {
    const { rules, store, now } = this.#deps;
    if (rules.everyMs <= 0 || this.#busy !== undefined || now() - this.#failedAtMs < TRY_AGAIN_MS) return;
    const last = await store.garbage.lastCollection();
    // A clock that was set back does not put it off for ever.
    if (last !== undefined && Math.abs(now() - last.startedAtMs) < rules.everyMs) return;
    let outcome: CollectionProgress | undefined;
    try {
      const options = { ...rules, dryRun: false, despiteLosses: false };
      for await (const step of this.#alone("a collection", () => collectGarbage(this.#deps, options))) outcome = step;
    } catch (error) {
      this.#failedAtMs = now();
      throw error;
    }
    if (outcome !== undefined && !this.#stopped) this.#deps.onCollected(outcome);
  }

  /** Ends what goes on after its present step. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#idle;
  }

  async *#alone<T>(what: string, begin: () => AsyncGenerator<T>): AsyncGenerator<T, void, undefined> {
    if (this.#stopped) throw conflict("The coordinator is ending.", "storage-busy");
    if (this.#busy !== undefined) {
      throw conflict(`At the moment ${this.#busy} of the store goes on: try again when it has ended.`, "storage-busy");
    }
    this.#busy = what;
    let end = (): void => undefined;
    this.#idle = new Promise((resolve) => (end = resolve));
    try {
      for await (const step of begin()) {
        yield step;
        if (this.#stopped) return;
      }
    } finally {
      this.#busy = undefined;
      end();
    }
  }
}
