/** Workspaces in SQLite. */
import type { CommitTree, WorkspaceRecord, WorkspaceStore } from "../workspaces.ts";
import { workspaceRepository } from "../workspaces.ts";
import type { BlobTable } from "./blob-table.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteWorkspaces implements WorkspaceStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;
  readonly #blobs: BlobTable;

  constructor(db: Statements, group: GroupCommit, blobs: BlobTable) {
    this.#db = db;
    this.#group = group;
    this.#blobs = blobs;
  }

  upsert(workspace: Parameters<WorkspaceStore["upsert"]>[0]): Promise<WorkspaceRecord> {
    const { owner, rootCommit, name, description, nowMs } = workspace;
    return this.#group.write(() => {
      // Not one statement with ON CONFLICT: that would use up a number each time.
      const changed = this.#db.find(
        `UPDATE workspaces SET name = ?, description = coalesce(nullif(?, ''), description), updated_at_ms = ?
         WHERE owner = ? AND root_commit = ? RETURNING *`,
        ...[name, description, nowMs, owner, rootCommit],
      );
      if (changed !== undefined) return toWorkspace(changed);
      return toWorkspace(
        this.#db.one(
          `INSERT INTO workspaces (owner, root_commit, name, description, created_at_ms, updated_at_ms)
           VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
          ...[owner, rootCommit, name, description, nowMs, nowMs],
        ),
      );
    });
  }

  async find(id: number): Promise<WorkspaceRecord | undefined> {
    if (!Number.isSafeInteger(id)) return undefined;
    const row = this.#db.find("SELECT * FROM workspaces WHERE id = ?", id);
    return row && toWorkspace(row);
  }

  async list({ owner, name }: { owner: string; name?: string }): Promise<WorkspaceRecord[]> {
    const sql = "SELECT * FROM workspaces WHERE owner = ? AND name = coalesce(?, name) ORDER BY id";
    return this.#db.all(sql, owner, name ?? null).map(toWorkspace);
  }

  remove(id: number): Promise<boolean> {
    return this.#group.write(() => {
      this.#db.run("DELETE FROM commit_trees WHERE repository = ?", workspaceRepository(id));
      return this.#db.run("DELETE FROM workspaces WHERE id = ?", id) > 0;
    });
  }

  async findCommitTree(repository: string, commit: string): Promise<CommitTree | undefined> {
    const sql = "SELECT * FROM commit_trees WHERE repository = ? AND commit_hash = ?";
    const row = this.#db.find(sql, repository, commit);
    if (row === undefined) return undefined;
    return { tree: row["tree"] as CommitTree["tree"], leftOut: JSON.parse(row["left_out"] as string) as string[] };
  }

  addCommitTree(repository: string, commit: string, { tree, leftOut }: CommitTree): Promise<void> {
    return this.#group.write(() => {
      this.#blobs.requireTree(tree);
      const sql = "INSERT OR IGNORE INTO commit_trees VALUES (?, ?, ?, ?)";
      this.#db.run(sql, repository, commit, tree, JSON.stringify(leftOut));
    });
  }
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
