/** What users put runs under, at any time of their life: labels, and the archive. */
import { conflict, invalidInput, isFinal } from "@spell/domain";
import type { RunChange, RunRecord, RunStore } from "@spell/run-store";
import { changeRun } from "./change-run.ts";
import type { Principal } from "./principal.ts";
import { requireOwner } from "./principal.ts";
import type { RunChanges } from "./run-changes.ts";
import type { RunLifecycle } from "./run-lifecycle.ts";

export interface FileRunsDeps {
  store: RunStore;
  lifecycle: RunLifecycle;
  changes: RunChanges;
  now(): number;
}

/** Long enough for a sentence, short enough for a list. */
const MAX_LABEL_CHARACTERS = 200;

export class FileRuns {
  readonly #deps: FileRunsDeps;

  constructor(deps: FileRunsDeps) {
    this.#deps = deps;
  }

  /** Puts a label on; one that is there already stays. */
  async addLabel(principal: Principal, runId: number, label: string): Promise<RunRecord> {
    if (label.trim() === "" || label.length > MAX_LABEL_CHARACTERS) {
      throw invalidInput(`A label has 1 to ${MAX_LABEL_CHARACTERS} characters.`, "bad-label");
    }
    return this.#change(principal, runId, (run) =>
      run.labels.includes(label) ? {} : { labels: [...run.labels, label] },
    );
  }

  /** Takes a label off. Throws not-found-like conflict when the run does not have it. */
  async removeLabel(principal: Principal, runId: number, label: string): Promise<RunRecord> {
    return this.#change(principal, runId, (run) => {
      if (!run.labels.includes(label)) throw conflict(`Run ${runId} has no label "${label}".`, "no-such-label");
      return { labels: run.labels.filter((each) => each !== label) };
    });
  }

  /** Hides an ended run from lists and mounts. Throws conflict while it has not ended, or when it is archived already. */
  async archive(principal: Principal, runId: number): Promise<RunRecord> {
    return this.#change(principal, runId, (run) => {
      if (run.archivedAtMs !== undefined) throw conflict(`Run ${runId} is archived already.`, "run-archived");
      if (!isFinal(run.status)) {
        throw conflict(`Run ${runId} is still ${run.status}: stop or kill it before you archive it.`, "run-active");
      }
      return { archivedAtMs: this.#deps.now() };
    });
  }

  async #change(principal: Principal, runId: number, changeOf: (run: RunRecord) => RunChange): Promise<RunRecord> {
    await this.#deps.lifecycle.getToSteer(requireOwner(principal), runId);
    const { run: changed } = await changeRun(this.#deps.store, runId, (run) => {
      const change = changeOf(run);
      return Object.keys(change).length === 0 ? { kind: "unchanged" } : { kind: "change", change, effects: [] };
    });
    this.#deps.changes.publish(changed);
    return changed;
  }
}
