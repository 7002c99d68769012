/** Models in SQL. */
import type { ModelRecord, ModelStore, ModelVersionRecord } from "../models.ts";
import type { Database } from "./database.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

const FIND_VERSION = "SELECT * FROM model_versions WHERE model_id = ? AND version = ?";

export function modelStore(db: Database): ModelStore {
  return {
    addVersion: (fresh) =>
      db.write(function* () {
        const { owner, name, resource, files, description, createdAtMs } = fresh;
        const model = (yield* selectModel(owner, name)) ?? (yield* insertModel(owner, name, createdAtMs));
        const id = model["id"] as number;
        const version = fresh.version === "" ? yield* nextVersion(id) : fresh.version;
        if ((yield* find(FIND_VERSION, id, version)) !== undefined) return undefined;
        const sql = `INSERT INTO model_versions (model_id, version, resource, files, description, created_at_ms)
          VALUES (?, ?, ?, ?, ?, ?) RETURNING *`;
        const row = yield* one(sql, id, version, resource, JSON.stringify(files), description, createdAtMs);
        return { model: yield* toModel(model), version: toVersion(row) };
      }),

    findModel: (owner, name) =>
      db.read(function* () {
        const row = yield* selectModel(owner, name);
        return row && (yield* toModel(row));
      }),

    listModels: (owner) =>
      db.read(function* () {
        const models: ModelRecord[] = [];
        for (const row of yield* all("SELECT * FROM models WHERE owner = ? ORDER BY id DESC", owner)) {
          models.push(yield* toModel(row));
        }
        return models;
      }),

    describeVersion: (versionId, description) =>
      db.write(function* () {
        return (yield* run("UPDATE model_versions SET description = ? WHERE id = ?", description, versionId)) > 0;
      }),

    removeModel: (id) =>
      db.write(function* () {
        yield* run("DELETE FROM model_versions WHERE model_id = ?", id);
        return (yield* run("DELETE FROM models WHERE id = ?", id)) > 0;
      }),

    removeVersion: (modelId, versionId) =>
      db.write(function* () {
        const sql = "DELETE FROM model_versions WHERE model_id = ? AND id = ?";
        const removed = (yield* run(sql, modelId, versionId)) > 0;
        const left = "SELECT 1 FROM model_versions WHERE model_id = models.id";
        yield* run(`DELETE FROM models WHERE id = ? AND NOT EXISTS (${left})`, modelId);
        return removed;
      }),
  };
}

function selectModel(owner: string, name: string): Sql<Row | undefined> {
  return find("SELECT * FROM models WHERE owner = ? AND name = ?", owner, name);
}

function insertModel(owner: string, name: string, createdAtMs: number): Sql<Row> {
  const sql = "INSERT INTO models (owner, name, last_number, created_at_ms) VALUES (?, ?, 0, ?) RETURNING *";
  return one(sql, owner, name, createdAtMs);
}

/** Passes over numbers that a user gave as versions of their own. */
function* nextVersion(modelId: number): Sql<string> {
  for (;;) {
    const sql = "UPDATE models SET last_number = last_number + 1 WHERE id = ? RETURNING last_number";
    const version = `v${(yield* one(sql, modelId))["last_number"] as number}`;
    if ((yield* find(FIND_VERSION, modelId, version)) === undefined) return version;
  }
}

function* toModel(row: Row): Sql<ModelRecord> {
  const id = row["id"] as number;
  return {
    id,
    owner: row["owner"] as string,
    name: row["name"] as string,
    createdAtMs: row["created_at_ms"] as number,
    versions: (yield* all("SELECT * FROM model_versions WHERE model_id = ? ORDER BY id", id)).map(toVersion),
  };
}

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
