/** Hyper-parameter searches in SQL. */
import type { HyperSearchRecord, HyperStore, SearchProgress } from "../hyper.ts";
import type { NewRun, RunRecord } from "../records.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import { toRun } from "./rows.ts";
import { insertRun } from "./run-rows.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";
import { requireOpenWorkflow } from "./workflow-rows.ts";

export function hyperStore(db: Database, blobs: BlobTable): HyperStore {
  return {
    create: (search, runs, clientKey) =>
      db.write(function* () {
        const known = yield* selectByClientKey(search.owner, clientKey);
        if (known !== undefined) return { search: known, runs: yield* selectSearchRuns(known.id), existed: true };
        const { workflowId } = search.template;
        if (workflowId !== undefined) yield* requireOpenWorkflow(workflowId);
        yield* blobs.requireRun(search.template.spec);
        const row = yield* one(
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
        const queued: RunRecord[] = [];
        for (const each of runs) queued.push(yield* insertRun(blobs, { ...each, hyperSearchId: made.id }, ""));
        return { search: made, runs: queued, existed: false };
      }),

    find: (id) => db.read(() => selectSearch(id)),

    findByClientKey: (owner, clientKey) => db.read(() => selectByClientKey(owner, clientKey)),

    list: (owner) =>
      db.read(function* () {
        const sql = "SELECT * FROM hyper_searches WHERE owner = ? AND archived_at_ms IS NULL ORDER BY id DESC";
        return (yield* all(sql, owner)).map(toSearch);
      }),

    listOpen: () =>
      db.read(function* () {
        const rows = yield* all("SELECT id FROM hyper_searches WHERE ended_at_ms IS NULL ORDER BY id");
        return rows.map((row) => row["id"] as number);
      }),

    progress: (id) => db.read(() => selectProgress(id)),

    listRuns: (id) => db.read(() => selectSearchRuns(id)),

    addRun: (id, number, fresh) =>
      db.write(function* () {
        const search = yield* selectSearch(id);
        if (search === undefined || search.requested !== undefined || search.endedAtMs !== undefined) return undefined;
        if ((yield* selectProgress(id)).made !== number) return undefined;
        return yield* insertRun(blobs, { ...fresh, hyperSearchId: id }, "");
      }),

    request: (id, verb, by) =>
      db.write(function* () {
        yield* run(
          `UPDATE hyper_searches SET requested = ?, requested_by = ?
           WHERE id = ? AND ended_at_ms IS NULL AND (requested IS NULL OR (requested = 'stop' AND ? = 'kill'))`,
          ...[verb, by, id, verb],
        );
        return yield* selectSearch(id);
      }),

    end: (id, wanted, atMs) =>
      db.write(function* () {
        const { made, open } = yield* selectProgress(id);
        const search = yield* selectSearch(id);
        if (search === undefined || open > 0 || (made < wanted && search.requested === undefined)) return false;
        const sql = "UPDATE hyper_searches SET ended_at_ms = ? WHERE id = ? AND ended_at_ms IS NULL";
        return (yield* run(sql, atMs, id)) > 0;
      }),

    archive: (id, atMs) =>
      db.write(function* () {
        const sql = `UPDATE hyper_searches SET archived_at_ms = ?
          WHERE id = ? AND (ended_at_ms IS NOT NULL OR requested IS NOT NULL) AND archived_at_ms IS NULL`;
        return (yield* run(sql, atMs, id)) > 0;
      }),
  };
}

function* selectSearch(id: number): Sql<HyperSearchRecord | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const row = yield* find("SELECT * FROM hyper_searches WHERE id = ?", id);
  return row && toSearch(row);
}

function* selectByClientKey(owner: string, clientKey: string): Sql<HyperSearchRecord | undefined> {
  if (clientKey === "") return undefined;
  const row = yield* find("SELECT * FROM hyper_searches WHERE owner = ? AND client_key = ?", owner, clientKey);
  return row && toSearch(row);
}

function* selectSearchRuns(id: number): Sql<RunRecord[]> {
  return (yield* all("SELECT * FROM runs WHERE hyper_search_id = ? ORDER BY id", id)).map(toRun);
}

function* selectProgress(id: number): Sql<SearchProgress> {
  const row = yield* one(
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
