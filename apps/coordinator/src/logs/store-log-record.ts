/** The log reader's view of the record. */
import type { LogDescription, RunStore } from "@spell/run-store";
import { noSuchRun } from "@spell/run-lifecycle";
import type { RunChanges } from "@spell/run-lifecycle";
import type { LogRecord } from "./log-reader.ts";

export class StoreLogRecord implements LogRecord {
  readonly #store: RunStore;
  readonly #changes: RunChanges;

  constructor(store: RunStore, changes: RunChanges) {
    this.#store = store;
    this.#changes = changes;
  }

  async describe(runId: number): Promise<LogDescription> {
    const description = await this.#store.describeLog(runId);
    if (description === undefined) throw noSuchRun(runId);
    return description;
  }

  changed(runId: number, signal: AbortSignal): Promise<void> {
    return this.#changes.next(runId, signal);
  }
}
