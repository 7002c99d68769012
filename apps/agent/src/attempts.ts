/** All attempts on this machine, kept in step with what the coordinator wants. */
import { rm } from "node:fs/promises";
import { messageOf } from "@spell/domain";
import type { AttemptReport, DesiredAttempt, Lease, SnapshotRequest, SyncResponse } from "@spell/rpc";
import { Attempt } from "./attempt.ts";
import { attemptDirOf, readRecords, writeRecord } from "./attempt-journal.ts";
import type { AttemptServices } from "./attempt-services.ts";

export interface AttemptsOptions {
  dataDir: string;
  services: AttemptServices;
  completeSnapshot(answer: { snapshotId: string; lease: Lease; tree: string; error: string }): Promise<void>;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #attempts = new Map<string, Attempt>();
  /** Being taken away: not to be started again before that is done. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #snapshots = new Set<string>();
  #applied: Promise<void> = Promise.resolve();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Reads what an earlier life of this agent left. */
  async load(): Promise<void> {
    const { found, broken } = await readRecords(this.#options.dataDir);
    for (const { attemptDir, record } of found) {
      this.#attempts.set(keyOf(record.lease), new Attempt(this.#options.services, attemptDir, record));
    }
    // Crashed before the journal was written: nothing was started, and the coordinator sends the spec again.
    for (const folder of broken) await rm(folder, { recursive: true, force: true });
  }

  reports(): AttemptReport[] {
    return [...this.#attempts.values()].map((attempt) => attempt.report());
  }

  /** How many have not ended. */
  get active(): number {
    return [...this.#attempts.values()].filter((attempt) => !attempt.ended).length;
  }

  /** Does what the coordinator wants; one answer after the other. */
  apply(response: SyncResponse): Promise<void> {
    const applied = this.#applied.then(() => this.#apply(response));
    this.#applied = applied.catch(() => undefined);
    return applied;
  }

  async #apply(response: SyncResponse): Promise<void> {
    const desired = new Map(response.attempts.map((each) => [keyOf(each.lease), each]));
    for (const [key, attempt] of this.#attempts) {
      if (!desired.has(key)) void this.#leave(key, attempt);
    }
    await Promise.all([...desired].map(([key, each]) => this.#want(key, each)));
    for (const request of response.snapshots) this.#takeSnapshot(request);
  }

  /** Ends everything that runs. */
  async interrupt(): Promise<void> {
    await Promise.all([...this.#attempts].map(([key, attempt]) => this.#leave(key, attempt)));
  }

  /** Lets go of everything without ending it. */
  async detach(): Promise<void> {
    await Promise.all([...this.#attempts.values()].map((attempt) => attempt.detach()));
  }

  async #want(key: string, { lease, spec, action }: DesiredAttempt): Promise<void> {
    if (this.#leaving.has(key)) return;
    let attempt = this.#attempts.get(key);
    if (attempt === undefined && lease !== undefined && spec !== undefined) {
      const attemptDir = attemptDirOf(this.#options.dataDir, lease);
      const record = { lease, spec, bootId: this.#options.services.bootId, history: [] };
      attempt = new Attempt(this.#options.services, attemptDir, record);
      this.#attempts.set(key, attempt);
      await writeRecord(attemptDir, record);
      this.#options.services.changed();
    }
    if (action !== "run") attempt?.request(action);
    attempt?.resume();
  }

  #leave(key: string, attempt: Attempt): Promise<void> {
    const leaving = this.#leaving.get(key);
    if (leaving !== undefined) return leaving;
    const gone = attempt
      .abandon()
      .catch((error: unknown) => this.#options.services.log.error({ err: error, attempt: key }, "could not clean up"))
      .then(() => {
        this.#attempts.delete(key);
        this.#leaving.delete(key);
        this.#options.services.changed();
      });
    this.#leaving.set(key, gone);
    return gone;
  }

  #takeSnapshot({ snapshotId, lease, path }: SnapshotRequest): void {
    if (this.#snapshots.has(snapshotId) || lease === undefined) return;
    this.#snapshots.add(snapshotId);
    const attempt = this.#attempts.get(keyOf(lease));
    const taken =
      attempt === undefined ? Promise.reject(new Error("the run is not on this machine")) : attempt.snapshot(path);
    taken
      .then(
        (tree) => this.#options.completeSnapshot({ snapshotId, lease, tree, error: "" }),
        (error: unknown) => this.#options.completeSnapshot({ snapshotId, lease, tree: "", error: messageOf(error) }),
      )
      .catch((error: unknown) => this.#options.services.log.warn({ err: error, snapshotId }, "snapshot not delivered"))
      .finally(() => this.#snapshots.delete(snapshotId));
  }
}

function keyOf(lease: Lease | undefined): string {
  return `${lease?.runId ?? 0}/${lease?.attempt ?? 0}/${lease?.token ?? ""}`;
}
