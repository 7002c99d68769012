/** Uploads in SQLite. */
import type { CompleteUpload, UploadContents, UploadFile, UploadRecord, UploadStore } from "../uploads.ts";
import type { BlobTable } from "./blob-table.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteUploads implements UploadStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;
  readonly #blobs: BlobTable;

  constructor(db: Statements, group: GroupCommit, blobs: BlobTable) {
    this.#db = db;
    this.#group = group;
    this.#blobs = blobs;
  }

  beginUpload(
    { owner, name, compressed }: Pick<UploadRecord, "owner" | "name" | "compressed">,
    nowMs: number,
  ): Promise<UploadRecord> {
    return this.#group.write(() => {
      const sql = `INSERT INTO uploads (owner, name, compressed, created_at_ms, changed_at_ms) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (owner, name) DO UPDATE SET changed_at_ms = max(changed_at_ms, excluded.changed_at_ms)
        WHERE tree IS NULL`;
      this.#db.run(sql, owner, name, compressed ? 1 : 0, nowMs, nowMs);
      return toUpload(this.#db.one("SELECT * FROM uploads WHERE owner = ? AND name = ?", owner, name));
    });
  }

  addUpload(
    { owner, name, tree, fileCount, sizeBytes }: Pick<UploadRecord, "owner" | "name"> & UploadContents,
    nowMs: number,
  ): Promise<CompleteUpload | undefined> {
    return this.#group.write(() => {
      const sql = `INSERT OR IGNORE INTO uploads
        (owner, name, compressed, tree, file_count, size_bytes, created_at_ms, changed_at_ms) VALUES (?, ?, 0, ?, ?, ?, ?, ?)`;
      this.#blobs.requireTree(tree);
      if (this.#db.run(sql, owner, name, tree, fileCount, sizeBytes, nowMs, nowMs) === 0) return undefined;
      return toComplete(this.#db.one("SELECT * FROM uploads WHERE owner = ? AND name = ?", owner, name));
    });
  }

  async findUpload(owner: string, name: string): Promise<UploadRecord | undefined> {
    const row = this.#db.find("SELECT * FROM uploads WHERE owner = ? AND name = ?", owner, name);
    return row && toUpload(row);
  }

  async findUploadById(id: number): Promise<UploadRecord | undefined> {
    const row = this.#db.find("SELECT * FROM uploads WHERE id = ?", id);
    return row && toUpload(row);
  }

  async listUploads(owner: string): Promise<CompleteUpload[]> {
    const sql = "SELECT * FROM uploads WHERE owner = ? AND tree IS NOT NULL ORDER BY name";
    return this.#db.all(sql, owner).map(toComplete);
  }

  async listIdleUploads(beforeMs: number): Promise<UploadRecord[]> {
    const sql = "SELECT * FROM uploads WHERE tree IS NULL AND changed_at_ms < ? ORDER BY changed_at_ms";
    return this.#db.all(sql, beforeMs).map(toUpload);
  }

  async listOpenUploads(): Promise<UploadRecord[]> {
    return this.#db.all("SELECT * FROM uploads WHERE tree IS NULL ORDER BY id").map(toUpload);
  }

  addFile({ uploadId, path, sizeBytes }: Omit<UploadFile, "number">, nowMs: number): Promise<UploadFile | undefined> {
    return this.#group.write(() => {
      if (this.#db.run(TOUCH, nowMs, uploadId) === 0) return undefined;
      const known = this.#db.find("SELECT * FROM upload_files WHERE upload_id = ? AND path = ?", uploadId, path);
      if (known !== undefined && known["size_bytes"] === sizeBytes) return toFile(known);
      const sql = `INSERT OR REPLACE INTO upload_files (upload_id, path, size_bytes) VALUES (?, ?, ?) RETURNING *`;
      return toFile(this.#db.one(sql, uploadId, path, sizeBytes));
    });
  }

  async findFile(number: number): Promise<UploadFile | undefined> {
    const row = this.#db.find("SELECT * FROM upload_files WHERE number = ?", number);
    return row && toFile(row);
  }

  async listFiles(uploadId: number): Promise<UploadFile[]> {
    return this.#db.all("SELECT * FROM upload_files WHERE upload_id = ? ORDER BY number", uploadId).map(toFile);
  }

  touchUpload(id: number, nowMs: number): Promise<void> {
    return this.#group.write(() => void this.#db.run(TOUCH, nowMs, id));
  }

  completeUpload(id: number, contents: UploadContents, nowMs: number): Promise<CompleteUpload | undefined> {
    const { tree, fileCount, sizeBytes } = contents;
    return this.#group.write(() => {
      this.#blobs.requireTree(tree);
      const sql = `UPDATE uploads SET tree = ?, file_count = ?, size_bytes = ?, changed_at_ms = ?
        WHERE id = ? AND tree IS NULL RETURNING *`;
      const row = this.#db.find(sql, tree, fileCount, sizeBytes, nowMs, id);
      if (row === undefined) return undefined;
      this.#db.run("DELETE FROM upload_files WHERE upload_id = ?", id);
      return toComplete(row);
    });
  }

  removeUpload(id: number): Promise<boolean> {
    return this.#group.write(() => {
      this.#db.run("DELETE FROM upload_files WHERE upload_id = ?", id);
      return this.#db.run("DELETE FROM uploads WHERE id = ?", id) > 0;
    });
  }
}

const TOUCH = "UPDATE uploads SET changed_at_ms = max(changed_at_ms, ?) WHERE id = ? AND tree IS NULL";

function toUpload(row: Row): UploadRecord {
  return {
    id: row["id"] as number,
    owner: row["owner"] as string,
    name: row["name"] as string,
    compressed: row["compressed"] === 1,
    tree: (row["tree"] as UploadRecord["tree"] | null) ?? undefined,
    fileCount: row["file_count"] as number,
    sizeBytes: row["size_bytes"] as number,
    createdAtMs: row["created_at_ms"] as number,
    changedAtMs: row["changed_at_ms"] as number,
  };
}

function toComplete(row: Row): CompleteUpload {
  return { ...toUpload(row), tree: row["tree"] as CompleteUpload["tree"] };
}

function toFile(row: Row): UploadFile {
  return {
    number: row["number"] as number,
    uploadId: row["upload_id"] as number,
    path: row["path"] as string,
    sizeBytes: row["size_bytes"] as number,
  };
}
