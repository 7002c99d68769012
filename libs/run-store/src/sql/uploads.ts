/** Uploads in SQL. */
import type { CompleteUpload, UploadFile, UploadRecord, UploadStore } from "../uploads.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

export function uploadStore(db: Database, blobs: BlobTable): UploadStore {
  return {
    beginUpload: ({ owner, name, compressed }, nowMs) =>
      db.write(function* () {
        const known = yield* selectUpload(owner, name);
        if (known !== undefined) {
          yield* touch(known["id"] as number, nowMs);
          return toUpload(yield* one("SELECT * FROM uploads WHERE id = ?", known["id"] as number));
        }
        const sql = `INSERT INTO uploads (owner, name, compressed, created_at_ms, changed_at_ms)
          VALUES (?, ?, ?, ?, ?) RETURNING *`;
        return toUpload(yield* one(sql, owner, name, compressed ? 1 : 0, nowMs, nowMs));
      }),

    addUpload: ({ owner, name, tree, fileCount, sizeBytes }, nowMs) =>
      db.write(function* () {
        yield* blobs.requireTree(tree);
        if ((yield* selectUpload(owner, name)) !== undefined) return undefined;
        const sql = `INSERT INTO uploads
          (owner, name, compressed, tree, file_count, size_bytes, created_at_ms, changed_at_ms)
          VALUES (?, ?, 0, ?, ?, ?, ?, ?) RETURNING *`;
        return toComplete(yield* one(sql, owner, name, tree, fileCount, sizeBytes, nowMs, nowMs));
      }),

    findUpload: (owner, name) =>
      db.read(function* () {
        const row = yield* selectUpload(owner, name);
        return row && toUpload(row);
      }),

    findUploadById: (id) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM uploads WHERE id = ?", id);
        return row && toUpload(row);
      }),

    listUploads: (owner) =>
      db.read(function* () {
        const sql = "SELECT * FROM uploads WHERE owner = ? AND tree IS NOT NULL ORDER BY name";
        return (yield* all(sql, owner)).map(toComplete);
      }),

    listIdleUploads: (beforeMs) =>
      db.read(function* () {
        const sql = "SELECT * FROM uploads WHERE tree IS NULL AND changed_at_ms < ? ORDER BY changed_at_ms";
        return (yield* all(sql, beforeMs)).map(toUpload);
      }),

    listOpenUploads: () =>
      db.read(function* () {
        return (yield* all("SELECT * FROM uploads WHERE tree IS NULL ORDER BY id")).map(toUpload);
      }),

    addFile: ({ uploadId, path, sizeBytes }, nowMs) =>
      db.write(function* () {
        if ((yield* touch(uploadId, nowMs)) === 0) return undefined;
        const known = yield* find("SELECT * FROM upload_files WHERE upload_id = ? AND path = ?", uploadId, path);
        if (known !== undefined && known["size_bytes"] === sizeBytes) return toFile(known);
        // Of another size: another file, with a number of its own.
        if (known !== undefined) yield* run("DELETE FROM upload_files WHERE number = ?", known["number"] as number);
        const sql = "INSERT INTO upload_files (upload_id, path, size_bytes) VALUES (?, ?, ?) RETURNING *";
        return toFile(yield* one(sql, uploadId, path, sizeBytes));
      }),

    findFile: (number) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM upload_files WHERE number = ?", number);
        return row && toFile(row);
      }),

    listFiles: (uploadId) =>
      db.read(function* () {
        return (yield* all("SELECT * FROM upload_files WHERE upload_id = ? ORDER BY number", uploadId)).map(toFile);
      }),

    touchUpload: (id, nowMs) =>
      db.write(function* () {
        yield* touch(id, nowMs);
      }),

    completeUpload: (id, { tree, fileCount, sizeBytes }, nowMs) =>
      db.write(function* () {
        yield* blobs.requireTree(tree);
        const sql = `UPDATE uploads SET tree = ?, file_count = ?, size_bytes = ?, changed_at_ms = ?
          WHERE id = ? AND tree IS NULL RETURNING *`;
        const row = yield* find(sql, tree, fileCount, sizeBytes, nowMs, id);
        if (row === undefined) return undefined;
        yield* run("DELETE FROM upload_files WHERE upload_id = ?", id);
        return toComplete(row);
      }),

    removeUpload: (id) =>
      db.write(function* () {
        yield* run("DELETE FROM upload_files WHERE upload_id = ?", id);
        return (yield* run("DELETE FROM uploads WHERE id = ?", id)) > 0;
      }),
  };
}

function selectUpload(owner: string, name: string): Sql<Row | undefined> {
  return find("SELECT * FROM uploads WHERE owner = ? AND name = ?", owner, name);
}

/** One that is under way; how many were. */
function touch(id: number, nowMs: number): Sql<number> {
  const sql = `UPDATE uploads SET changed_at_ms = CASE WHEN changed_at_ms < ? THEN ? ELSE changed_at_ms END
    WHERE id = ? AND tree IS NULL`;
  return run(sql, nowMs, nowMs, id);
}

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
