/** What the operator does with the record itself. */
import type { CheckedRule, RunStore } from "@spell/run-store";
import { writeBackup } from "@spell/run-store";
import type { Principal } from "../principal.ts";
import { requireOperator } from "../principal.ts";

export class Admin {
  readonly #store: RunStore;
  readonly #now: () => number;

  constructor({ store, now }: { store: RunStore; now: () => number }) {
    this.#store = store;
    this.#now = now;
  }

  /** The bytes of a backup of the record as it is now. Throws `forbidden` (`operators-only`). */
  async *backup(principal: Principal): AsyncGenerator<Uint8Array, void, undefined> {
    await requireOperator(principal, this.#store);
    const { header, parts } = await this.#store.upkeep.backup();
    yield* writeBackup({ ...header, createdAtMs: this.#now() }, parts);
  }

  /** Whether what should always hold of the record holds. Throws `forbidden` (`operators-only`). */
  async *check(principal: Principal): AsyncGenerator<CheckedRule, void, undefined> {
    await requireOperator(principal, this.#store);
    yield* this.#store.upkeep.check();
  }
}
