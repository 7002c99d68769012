/** All attempts on this machine, kept in step with what the coordinator wants. */
import { rm } from "node:fs/promises";
import { messageOf } from "@spell/domain";
import type { AttemptReport, AttemptSpec, DesiredAttempt, Lease, SnapshotRequest, SyncResponse } from "@spell/rpc";
import { Attempt } from "./attempt.ts";
import { AttemptJournal, attemptDirOf, openJournals } from "./attempt-journal.ts";
import { failedResult } from "./attempt-result.ts";
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
  /** Those for which there was not even room for a journal: ended before they began. */
  readonly #refused = new Map<string, AttemptReport>();
  readonly #snapshots = new Set<string>();
  #applied: Promise<void> = Promise.resolve();
  #reclaimed = false;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Reads what an earlier life of this agent left. */
  async load(): Promise<void> {
    const { found, broken } = openJournals(this.#options.dataDir);
    for (const journal of found) {
      const attempt = new Attempt(this.#options.services, journal);
      this.#attempts.set(keyOf(journal.record.lease), attempt);
      if (attempt.ended) continue;
      await attempt.takeMetrics().catch((error: unknown) =>
        // Tried again when the attempt is resumed, which says so in the run's log.
        this.#options.services.log.warn({ err: error }, "metrics not taken yet"),
      );
    }
    // Crashed before the journal was written: nothing was started, and the coordinator sends the spec again.
    for (const folder of broken) await rm(folder, { recursive: true, force: true });
  }

  reports(): AttemptReport[] {
    return [...[...this.#attempts.values()].map((attempt) => attempt.report()), ...this.#refused.values()];
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
    for (const key of this.#refused.keys()) if (!desired.has(key)) this.#refused.delete(key);
    for (const [key, each] of desired) this.#want(key, each);
    for (const request of response.snapshots) this.#takeSnapshot(request);
  }

  /** Ends everything that runs, as interrupted; the reports say so. */
  interrupt(): void {
    for (const attempt of this.#attempts.values()) attempt.interrupt();
  }

  /** Nothing here is this agent's any more: ends all processes and removes all folders. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#attempts].map(([key, attempt]) => this.#leave(key, attempt)));
  }

  /** The machine is being taken away: ends everything that runs, with what it wrote; the reports say so. */
  reclaim(): void {
    this.#reclaimed = true;
    for (const attempt of this.#attempts.values()) attempt.reclaim();
  }

  /** Lets go of everything without ending it. */
  async detach(): Promise<void> {
    await Promise.all([...this.#attempts.values()].map((attempt) => attempt.detach()));
  }

  #want(key: string, { lease, spec, action, stats }: DesiredAttempt): void {
    if (this.#leaving.has(key) || this.#refused.has(key)) return;
    const known = this.#attempts.get(key);
    const attempt = known ?? (lease && spec && this.#begin(key, lease, spec));
    if (action !== "run") attempt?.request(action);
    // Also one that was on its way here when the machine was taken away.
    if (this.#reclaimed) attempt?.reclaim();
    attempt?.resume();
    attempt?.showStats(stats);
  }

  #begin(key: string, lease: Lease, spec: AttemptSpec): Attempt | undefined {
    const { dataDir, services } = this.#options;
    let attempt: Attempt | undefined;
    try {
      const arrival = { lease, spec, bootId: services.bootId };
      attempt = new Attempt(services, AttemptJournal.create(attemptDirOf(dataDir, lease), arrival));
      this.#attempts.set(key, attempt);
    } catch (error) {
      services.log.error({ err: error, attempt: key }, "no room for an attempt");
      this.#refused.set(key, {
        ...{ lease, phase: "ended", history: [], stats: undefined },
        result: failedResult("build", "There is no room for the attempt on its machine", error),
      });
    }
    services.changed();
    return attempt;
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
