/** Workspaces in SQL. */
import type { CommitTree, WorkspaceRecord, WorkspaceStore } from "../workspaces.ts";
import { workspaceRepository } from "../workspaces.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import type { Row } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

export function workspaceStore(db: Database, blobs: BlobTable): WorkspaceStore {
  return {
    upsert: ({ owner, rootCommit, name, description, nowMs }) =>
      db.write(function* () {
        // Not one statement with ON CONFLICT: that would use up a number each time.
        const changed = yield* find(
          `UPDATE workspaces SET name = ?, description = coalesce(nullif(?, ''), description), updated_at_ms = ?
           WHERE owner = ? AND root_commit = ? RETURNING *`,
          ...[name, description, nowMs, owner, rootCommit],
        );
        if (changed !== undefined) return toWorkspace(changed);
        return toWorkspace(
          yield* one(
            `INSERT INTO workspaces (owner, root_commit, name, description, created_at_ms, updated_at_ms)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
            ...[owner, rootCommit, name, description, nowMs, nowMs],
          ),
        );
      }),

    find: (id) =>
      db.read(function* () {
        if (!Number.isSafeInteger(id)) return undefined;
        const row = yield* find("SELECT * FROM workspaces WHERE id = ?", id);
        return row && toWorkspace(row);
      }),

    list: ({ owner, name }) =>
      db.read(function* () {
        const sql = "SELECT * FROM workspaces WHERE owner = ? AND name = coalesce(?, name) ORDER BY id";
        return (yield* all(sql, owner, name ?? null)).map(toWorkspace);
      }),

    remove: (id) =>
      db.write(function* () {
        yield* run("DELETE FROM commit_trees WHERE repository = ?", workspaceRepository(id));
        return (yield* run("DELETE FROM workspaces WHERE id = ?", id)) > 0;
      }),

    findCommitTree: (repository, commit) =>
      db.read(function* () {
        const sql = "SELECT * FROM commit_trees WHERE repository = ? AND commit_hash = ?";
        const row = yield* find(sql, repository, commit);
        if (row === undefined) return undefined;
        return { tree: row["tree"] as CommitTree["tree"], leftOut: JSON.parse(row["left_out"] as string) as string[] };
      }),

    addCommitTree: (repository, commit, { tree, leftOut }) =>
      db.write(function* () {
        yield* blobs.requireTree(tree);
        const sql = `INSERT INTO commit_trees (repository, commit_hash, tree, left_out) VALUES (?, ?, ?, ?)
          ON CONFLICT DO NOTHING`;
        yield* run(sql, repository, commit, tree, JSON.stringify(leftOut));
      }),
  };
}

function toWorkspace(row: Row): WorkspaceRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    rootCommit: row["root_commit"] as string,
    name: row["name"] as string,
    description: row["description"] as string,
    createdAtMs: row["created_at_ms"] as number,
    updatedAtMs: row["updated_at_ms"] as number,
  };
}
