/** Models in SQLite. */
import type { ModelRecord, ModelStore, ModelVersionRecord, NewModelVersion } from "../models.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteModels implements ModelStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  addVersion(fresh: NewModelVersion): Promise<{ model: ModelRecord; version: ModelVersionRecord } | undefined> {
    const { owner, name, resource, files, description, createdAtMs } = fresh;
    return this.#group.write(() => {
      const makeModel = "INSERT OR IGNORE INTO models (owner, name, last_number, created_at_ms) VALUES (?, ?, 0, ?)";
      this.#db.run(makeModel, owner, name, createdAtMs);
      const model = this.#db.one("SELECT * FROM models WHERE owner = ? AND name = ?", owner, name);
      const id = model["id"] as number;
      const version = fresh.version === "" ? this.#nextVersion(id) : fresh.version;
      if (this.#db.find(FIND_VERSION, id, version) !== undefined) return undefined;
      const sql = `INSERT INTO model_versions (model_id, version, resource, files, description, created_at_ms)
        VALUES (?, ?, ?, ?, ?, ?) RETURNING *`;
      const row = this.#db.one(sql, id, version, resource, JSON.stringify(files), description, createdAtMs);
      return { model: this.#toModel(model), version: toVersion(row) };
    });
  }

  async findModel(owner: string, name: string): Promise<ModelRecord | undefined> {
    const row = this.#db.find("SELECT * FROM models WHERE owner = ? AND name = ?", owner, name);
    return row && this.#toModel(row);
  }

  async listModels(owner: string): Promise<ModelRecord[]> {
    return this.#db
      .all("SELECT * FROM models WHERE owner = ? ORDER BY id DESC", owner)
      .map((row) => this.#toModel(row));
  }

  describeVersion(versionId: number, description: string): Promise<boolean> {
    const sql = "UPDATE model_versions SET description = ? WHERE id = ?";
    return this.#group.write(() => this.#db.run(sql, description, versionId) > 0);
  }

  removeModel(id: number): Promise<boolean> {
    return this.#group.write(() => {
      this.#db.run("DELETE FROM model_versions WHERE model_id = ?", id);
      return this.#db.run("DELETE FROM models WHERE id = ?", id) > 0;
    });
  }

  removeVersion(modelId: number, versionId: number): Promise<boolean> {
    return this.#group.write(() => {
      const sql = "DELETE FROM model_versions WHERE model_id = ? AND id = ?";
      const removed = this.#db.run(sql, modelId, versionId) > 0;
      const left = "SELECT 1 FROM model_versions WHERE model_id = models.id";
      this.#db.run(`DELETE FROM models WHERE id = ? AND NOT EXISTS (${left})`, modelId);
      return removed;
    });
  }

  /** Passes over numbers that a user gave as versions of their own. */
  #nextVersion(modelId: number): string {
    for (;;) {
      const sql = "UPDATE models SET last_number = last_number + 1 WHERE id = ? RETURNING last_number";
      const version = `v${this.#db.one(sql, modelId)["last_number"] as number}`;
      if (this.#db.find(FIND_VERSION, modelId, version) === undefined) return version;
    }
  }

  #toModel(row: Row): ModelRecord {
    const id = row["id"] as number;
    return {
      id,
      owner: row["owner"] as string,
      name: row["name"] as string,
      createdAtMs: row["created_at_ms"] as number,
      versions: this.#db.all("SELECT * FROM model_versions WHERE model_id = ? ORDER BY id", id).map(toVersion),
    };
  }
}

const FIND_VERSION = "SELECT * FROM model_versions WHERE model_id = ? AND version = ?";

function toVersion(row: Row): ModelVersionRecord {
  return {
    id: row["id"] as number,
    version: row["version"] as string,
    resource: row["resource"] as string,
    files: JSON.parse(row["files"] as string) as ModelVersionRecord["files"],
    description: row["description"] as string,
    createdAtMs: row["created_at_ms"] as number,
  };
}
