/** The record as the invariants see it: looked at after each commit, with what it was before. */
import type { Scene } from "../simulation.ts";
import { shared } from "../world/database.ts";

export interface RunRow {
  id: number;
  status: string;
  version: number;
  attempt: number;
  agentId: string | null;
  requested: string | null;
  reasonCode: string;
  reason: string;
  outputTree: string | null;
  userExitCode: number | null;
  clientKey: string | null;
  endedAtMs: number | null;
  command: string;
  machineType: string;
  slots: number;
  runType: string;
  /** How often it may be tried again. */
  retries: number;
}

/** An attempt of a run. */
export interface AttemptRow {
  number: number;
  agentId: string;
  ended: boolean;
  status: string | null;
  reasonCode: string | null;
  /** How many entries its agent said that its log has; null: the agent said nothing of its end, or there is none yet. */
  logEntries: number | null;
}

const COLUMNS = `id, status, version, attempt, agent_id, requested, reason_code, reason, output_tree, user_exit_code, client_key,
  ended_at_ms, spec, slots, run_type`;

export class RecordView {
  readonly scene: Scene;
  readonly runs = new Map<number, RunRow>();
  /** What changed at the last look, as it was before and is now. */
  changed: { before: RunRow | undefined; now: RunRow }[] = [];
  faults: { count: number } | undefined;
  #commits = 0;

  constructor(scene: Scene) {
    this.scene = scene;
    this.#commits = shared.commits;
  }

  /** Looks, if anything was committed. A run that is gone breaks the first promise of all. */
  look(): string | undefined {
    this.changed = [];
    if (shared.commits === this.#commits || shared.real.isTransaction) return undefined;
    this.#commits = shared.commits;
    const versions = shared.statement("SELECT id, version FROM runs").all() as unknown as {
      id: number;
      version: number;
    }[];
    if (versions.length < this.runs.size) return "a run that was in the record is there no more";
    for (const { id, version } of versions) {
      const before = this.runs.get(id);
      if (before?.version === version) continue;
      const now = toRow(shared.statement(`SELECT ${COLUMNS} FROM runs WHERE id = ?`).get(id) ?? {});
      this.runs.set(id, now);
      this.changed.push({ before, now });
      const why = now.reasonCode === "" ? "" : ` (${now.reasonCode}: ${now.reason})`;
      if (before?.status !== now.status) {
        this.scene.world.history.tell(`run ${id}: ${before?.status ?? "created"} → ${now.status}${why}`);
      }
    }
    return undefined;
  }

  attemptsOf(runId: number): AttemptRow[] {
    const rows = shared.statement("SELECT * FROM attempts WHERE run_id = ? ORDER BY number").all(runId);
    return rows.map((row) => ({
      number: row["number"] as number,
      agentId: row["agent_id"] as string,
      ended: row["ended_at_ms"] !== null,
      status: row["status"] as string | null,
      reasonCode: row["reason_code"] as string | null,
      logEntries: row["log_entries"] as number | null,
    }));
  }

  allEnded(): boolean {
    for (const run of this.runs.values()) if (run.endedAtMs === null) return false;
    return true;
  }
}

/** A run as it is at this moment, in the middle of a step too. */
export function recorded(runId: number): { status: string; version: number; ended: boolean } | undefined {
  const row = shared.statement("SELECT status, version, ended_at_ms FROM runs WHERE id = ?").get(runId);
  if (row === undefined) return undefined;
  return {
    status: String(row["status"]),
    version: Number(row["version"]),
    ended: row["ended_at_ms"] !== null,
  };
}

function toRow(row: Record<string, unknown>): RunRow {
  const spec = JSON.parse(String(row["spec"])) as { command: string; machineType: string; retry?: { limit: number } };
  return {
    id: row["id"] as number,
    status: row["status"] as string,
    version: row["version"] as number,
    attempt: row["attempt"] as number,
    agentId: row["agent_id"] as string | null,
    requested: row["requested"] as string | null,
    reasonCode: row["reason_code"] as string,
    reason: row["reason"] as string,
    outputTree: row["output_tree"] as string | null,
    userExitCode: row["user_exit_code"] as number | null,
    clientKey: row["client_key"] as string | null,
    endedAtMs: row["ended_at_ms"] as number | null,
    command: spec.command,
    machineType: spec.machineType,
    slots: (JSON.parse((row["slots"] as string | null) ?? "[]") as unknown[]).length,
    runType: row["run_type"] as string,
    retries: spec.retry?.limit ?? 0,
  };
}
