/** The record of projects in SQLite. */
import { SpellError, conflict, notFound } from "@spell/domain";
import type { NewProject, ProjectChange, ProjectKey, ProjectRecord, ProjectStore } from "../projects.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** A project with what its runs come to; the first value is now. */
const SELECT = `SELECT projects.*, count(runs.id) AS total_run_count,
    count(runs.id) FILTER (WHERE runs.ended_at_ms IS NULL) AS active_run_count,
    coalesce(sum(coalesce(runs.ended_at_ms, ?) - runs.started_at_ms), 0) AS total_runtime_ms
  FROM projects LEFT JOIN runs ON runs.project_id = projects.id AND runs.archived_at_ms IS NULL`;

export class SqliteProjects implements ProjectStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  create(project: NewProject, runIds: readonly number[]): Promise<ProjectRecord> {
    const { owner, name, description, createdAtMs } = project;
    return this.#group.write(() => {
      this.#requireFreeName(owner, name);
      const { id } = this.#db.one(
        `INSERT INTO projects (owner, name, name_key, description, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?, ?)
         RETURNING id`,
        ...[owner, name, nameKey(name), description, createdAtMs, createdAtMs],
      ) as { id: number };
      this.#addRuns({ owner, id }, runIds);
      return this.#find({ owner, id }, createdAtMs) as ProjectRecord;
    });
  }

  async find(key: ProjectKey, nowMs: number): Promise<ProjectRecord | undefined> {
    return Number.isSafeInteger(key.id) ? this.#find(key, nowMs) : undefined;
  }

  async list({
    owner,
    archived,
    nowMs,
  }: {
    owner: string;
    archived: boolean;
    nowMs: number;
  }): Promise<ProjectRecord[]> {
    const sql = `${SELECT} WHERE projects.owner = ? AND (projects.archived_at_ms IS NOT NULL) = ?
      GROUP BY projects.id ORDER BY projects.name_key`;
    return this.#db.all(sql, nowMs, owner, archived ? 1 : 0).map(toProject);
  }

  update(key: ProjectKey, change: ProjectChange): Promise<boolean> {
    const { owner, id } = key;
    return this.#group.write(() => {
      const project = this.#find(key, 0);
      if (project === undefined) return false;
      const { name = project.name, description = project.description } = change;
      const archivedAtMs = change.archivedAtMs === undefined ? project.archivedAtMs : change.archivedAtMs;
      this.#requireFreeName(owner, name, id);
      this.#db.run(
        `UPDATE projects SET name = ?, name_key = ?, description = ?, archived_at_ms = ?, updated_at_ms = ? WHERE id = ?`,
        ...[name, nameKey(name), description, archivedAtMs ?? null, change.updatedAtMs, id],
      );
      return true;
    });
  }

  addRuns(key: ProjectKey, runIds: readonly number[]): Promise<void> {
    return this.#group.write(() => this.#addRuns(key, runIds));
  }

  removeRuns(key: ProjectKey, runIds: readonly number[]): Promise<void> {
    return this.#group.write(() => {
      for (const runId of runIds) {
        if (this.#projectOf(key.owner, runId) !== key.id) {
          throw conflict(`Run ${runId} is not in this project. Nothing was changed.`, "run-not-in-project");
        }
        this.#db.run("UPDATE runs SET project_id = NULL WHERE id = ?", runId);
      }
    });
  }

  #addRuns({ owner, id }: ProjectKey, runIds: readonly number[]): void {
    for (const runId of runIds) {
      const current = this.#projectOf(owner, runId);
      if (current !== undefined && current !== id) {
        throw conflict(`Run ${runId} is in another project: remove it there first.`, "run-in-project");
      }
      this.#db.run("UPDATE runs SET project_id = ? WHERE id = ?", id, runId);
    }
  }

  /** Throws not-found for a run that is not the owner's. */
  #projectOf(owner: string, runId: number): number | undefined {
    const row = this.#db.find("SELECT project_id FROM runs WHERE id = ? AND owner = ?", runId, owner);
    if (row === undefined) throw notFound(`There is no run ${runId}.`, "no-such-run");
    return (row["project_id"] as number | null) ?? undefined;
  }

  #find({ owner, id }: ProjectKey, nowMs: number): ProjectRecord | undefined {
    const sql = `${SELECT} WHERE projects.owner = ? AND projects.id = ? GROUP BY projects.id`;
    const row = this.#db.find(sql, nowMs, owner, id);
    return row && toProject(row);
  }

  #requireFreeName(owner: string, name: string, ownId = 0): void {
    const sql = "SELECT name, archived_at_ms FROM projects WHERE owner = ? AND name_key = ? AND id <> ?";
    const other = this.#db.find(sql, owner, nameKey(name), ownId);
    if (other === undefined) return;
    const archived = other["archived_at_ms"] === null ? "a" : "an archived";
    throw new SpellError("already-exists", `You have ${archived} project named "${String(other["name"])}" already.`, {
      reason: "project-exists",
    });
  }
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
