/** The record of projects in SQL. */
import { SpellError, conflict, notFound } from "@spell/domain";
import type { ProjectKey, ProjectRecord, ProjectStore } from "../projects.ts";
import type { Database } from "./database.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

/** A project with what its runs come to; the first value is now. */
const SELECT = `SELECT projects.*, count(runs.id) AS total_run_count,
    count(runs.id) FILTER (WHERE runs.ended_at_ms IS NULL) AS active_run_count,
    coalesce(sum(coalesce(runs.ended_at_ms, ?) - runs.started_at_ms), 0) AS total_runtime_ms
  FROM projects LEFT JOIN runs ON runs.project_id = projects.id AND runs.archived_at_ms IS NULL`;

export function projectStore(db: Database): ProjectStore {
  return {
    create: ({ owner, name, description, createdAtMs }, runIds) =>
      db.write(function* () {
        yield* requireFreeName(owner, name);
        const { id } = (yield* one(
          `INSERT INTO projects (owner, name, name_key, description, created_at_ms, updated_at_ms)
           VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
          ...[owner, name, nameKey(name), description, createdAtMs, createdAtMs],
        )) as { id: number };
        yield* addRuns({ owner, id }, runIds);
        return (yield* selectProject({ owner, id }, createdAtMs)) as ProjectRecord;
      }),

    find: (key, nowMs) => db.read(() => selectProject(key, nowMs)),

    list: ({ owner, archived, nowMs }) =>
      db.read(function* () {
        const sql = `${SELECT} WHERE projects.owner = ? AND (projects.archived_at_ms IS NOT NULL) = (? = 1)
          GROUP BY projects.id ORDER BY projects.name_key`;
        return (yield* all(sql, nowMs, owner, archived ? 1 : 0)).map(toProject);
      }),

    update: (key, change) =>
      db.write(function* () {
        const { owner, id } = key;
        const project = yield* selectProject(key, 0);
        if (project === undefined) return false;
        const { name = project.name, description = project.description } = change;
        const archivedAtMs = change.archivedAtMs === undefined ? project.archivedAtMs : change.archivedAtMs;
        yield* requireFreeName(owner, name, id);
        yield* run(
          `UPDATE projects SET name = ?, name_key = ?, description = ?, archived_at_ms = ?, updated_at_ms = ? WHERE id = ?`,
          ...[name, nameKey(name), description, archivedAtMs ?? null, change.updatedAtMs, id],
        );
        return true;
      }),

    addRuns: (key, runIds) => db.write(() => addRuns(key, runIds)),

    removeRuns: (key, runIds) =>
      db.write(function* () {
        for (const runId of runIds) {
          if ((yield* projectOf(key.owner, runId)) !== key.id) {
            throw conflict(`Run ${runId} is not in this project. Nothing was changed.`, "run-not-in-project");
          }
          yield* run("UPDATE runs SET project_id = NULL WHERE id = ?", runId);
        }
      }),
  };
}

function* addRuns({ owner, id }: ProjectKey, runIds: readonly number[]): Sql<void> {
  for (const runId of runIds) {
    const current = yield* projectOf(owner, runId);
    if (current !== undefined && current !== id) {
      throw conflict(`Run ${runId} is in another project: remove it there first.`, "run-in-project");
    }
    yield* run("UPDATE runs SET project_id = ? WHERE id = ?", id, runId);
  }
}

/** Throws not-found for a run that is not the owner's. */
function* projectOf(owner: string, runId: number): Sql<number | undefined> {
  const row = yield* find("SELECT project_id FROM runs WHERE id = ? AND owner = ?", runId, owner);
  if (row === undefined) throw notFound(`There is no run ${runId}.`, "no-such-run");
  return (row["project_id"] as number | null) ?? undefined;
}

function* selectProject({ owner, id }: ProjectKey, nowMs: number): Sql<ProjectRecord | undefined> {
  if (!Number.isSafeInteger(id)) return undefined;
  const sql = `${SELECT} WHERE projects.owner = ? AND projects.id = ? GROUP BY projects.id`;
  const row = yield* find(sql, nowMs, owner, id);
  return row && toProject(row);
}

function* requireFreeName(owner: string, name: string, ownId = 0): Sql<void> {
  const sql = "SELECT name, archived_at_ms FROM projects WHERE owner = ? AND name_key = ? AND id <> ?";
  const other = yield* find(sql, owner, nameKey(name), ownId);
  if (other === undefined) return;
  const archived = other["archived_at_ms"] === null ? "a" : "an archived";
  throw new SpellError("already-exists", `You have ${archived} project named "${String(other["name"])}" already.`, {
    reason: "project-exists",
  });
}

function nameKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function toProject(row: Row): ProjectRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    name: row["name"] as string,
    description: row["description"] as string,
    createdAtMs: row["created_at_ms"] as number,
    updatedAtMs: row["updated_at_ms"] as number,
    archivedAtMs: (row["archived_at_ms"] as number | null) ?? undefined,
    totalRunCount: row["total_run_count"] as number,
    activeRunCount: row["active_run_count"] as number,
    totalRuntimeMs: row["total_runtime_ms"] as number,
  };
}
