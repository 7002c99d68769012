/** Hyper-parameter searches in SQLite. */
import type { HyperSearchRecord, HyperStore, NewHyperSearch, SearchProgress } from "../hyper.ts";
import type { NewRun, RunRecord } from "../records.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import { toRun } from "./rows.ts";
import { insertRun } from "./run-rows.ts";
import type { RunTables } from "./run-rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteHyper implements HyperStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;
  readonly #tables: RunTables;

  constructor(group: GroupCommit, tables: RunTables) {
    this.#db = tables.db;
    this.#group = group;
    this.#tables = tables;
  }

  create(
    search: NewHyperSearch,
    runs: readonly NewRun[],
    clientKey: string,
  ): Promise<{ search: HyperSearchRecord; runs: RunRecord[]; existed: boolean }> {
    return this.#group.write(() => {
      const known = this.#byClientKey(search.owner, clientKey);
      if (known !== undefined) return { search: known, runs: this.#runs(known.id), existed: true };
      this.#tables.blobs.requireRun(search.template.spec);
      const row = this.#db.one(
        `INSERT INTO hyper_searches (owner, client_key, spec, template, seed, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
        search.owner,
        clientKey === "" ? null : clientKey,
        JSON.stringify(search.spec),
        JSON.stringify(search.template),
        search.seed,
        search.createdAtMs,
      );
      const made = toSearch(row);
      const queued = runs.map((run) => insertRun(this.#tables, { ...run, hyperSearchId: made.id }, ""));
      return { search: made, runs: queued, existed: false };
    });
  }

  async find(id: number): Promise<HyperSearchRecord | undefined> {
    return this.#find(id);
  }

  async findByClientKey(owner: string, clientKey: string): Promise<HyperSearchRecord | undefined> {
    return this.#byClientKey(owner, clientKey);
  }

  async list(owner: string): Promise<HyperSearchRecord[]> {
    return this.#db
      .all("SELECT * FROM hyper_searches WHERE owner = ? AND archived_at_ms IS NULL ORDER BY id DESC", owner)
      .map(toSearch);
  }

  async listOpen(): Promise<number[]> {
    const rows = this.#db.all("SELECT id FROM hyper_searches WHERE ended_at_ms IS NULL ORDER BY id");
    return rows.map((row) => row["id"] as number);
  }

  async progress(id: number): Promise<SearchProgress> {
    return this.#progress(id);
  }

  async listRuns(id: number): Promise<RunRecord[]> {
    return this.#runs(id);
  }

  addRun(id: number, number: number, run: NewRun): Promise<RunRecord | undefined> {
    return this.#group.write(() => {
      const search = this.#find(id);
      if (search === undefined || search.requested !== undefined || search.endedAtMs !== undefined) return undefined;
      if (this.#progress(id).made !== number) return undefined;
      return insertRun(this.#tables, { ...run, hyperSearchId: id }, "");
    });
  }

  request(id: number, verb: "stop" | "kill", by: string): Promise<HyperSearchRecord | undefined> {
    return this.#group.write(() => {
      this.#db.run(
        `UPDATE hyper_searches SET requested = ?, requested_by = ?
         WHERE id = ? AND ended_at_ms IS NULL AND (requested IS NULL OR (requested = 'stop' AND ? = 'kill'))`,
        verb,
        by,
        id,
        verb,
      );
      return this.#find(id);
    });
  }

  end(id: number, wanted: number, atMs: number): Promise<boolean> {
    return this.#group.write(() => {
      const { made, open } = this.#progress(id);
      const search = this.#find(id);
      if (search === undefined || open > 0 || (made < wanted && search.requested === undefined)) return false;
      return (
        this.#db.run("UPDATE hyper_searches SET ended_at_ms = ? WHERE id = ? AND ended_at_ms IS NULL", atMs, id) > 0
      );
    });
  }

  archive(id: number, atMs: number): Promise<boolean> {
    return this.#group.write(() => {
      const sql = `UPDATE hyper_searches SET archived_at_ms = ?
                   WHERE id = ? AND (ended_at_ms IS NOT NULL OR requested IS NOT NULL) AND archived_at_ms IS NULL`;
      return this.#db.run(sql, atMs, id) > 0;
    });
  }

  #find(id: number): HyperSearchRecord | undefined {
    const row = Number.isSafeInteger(id) ? this.#db.find("SELECT * FROM hyper_searches WHERE id = ?", id) : undefined;
    return row && toSearch(row);
  }

  #byClientKey(owner: string, clientKey: string): HyperSearchRecord | undefined {
    if (clientKey === "") return undefined;
    const row = this.#db.find("SELECT * FROM hyper_searches WHERE owner = ? AND client_key = ?", owner, clientKey);
    return row && toSearch(row);
  }

  #runs(id: number): RunRecord[] {
    return this.#db.all("SELECT * FROM runs WHERE hyper_search_id = ? ORDER BY id", id).map(toRun);
  }

  #progress(id: number): SearchProgress {
    const row = this.#db.one(
      `SELECT count(*) AS made, count(*) - count(ended_at_ms) AS open, min(started_at_ms) AS started_at_ms
       FROM runs WHERE hyper_search_id = ?`,
      id,
    );
    const {
      made,
      open,
      started_at_ms: startedAtMs,
    } = row as { made: number; open: number; started_at_ms: number | null };
    return { made, open, startedAtMs: startedAtMs ?? undefined };
  }
}

function toSearch(row: Row): HyperSearchRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    spec: JSON.parse(row["spec"] as string) as HyperSearchRecord["spec"],
    template: JSON.parse(row["template"] as string) as NewRun,
    seed: row["seed"] as number,
    createdAtMs: row["created_at_ms"] as number,
    requested: (row["requested"] as "stop" | "kill" | null) ?? undefined,
    requestedBy: (row["requested_by"] as string | null) ?? undefined,
    endedAtMs: (row["ended_at_ms"] as number | null) ?? undefined,
    archivedAtMs: (row["archived_at_ms"] as number | null) ?? undefined,
  };
}
