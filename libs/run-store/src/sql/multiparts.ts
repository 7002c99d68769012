/** Objects that are put in parts, in SQL. */
import type { MultipartRecord, MultipartStore } from "../multiparts.ts";
import type { Database } from "./database.ts";
import type { Row } from "./statement.ts";
import { all, find, run } from "./statement.ts";

export function multipartStore(db: Database): MultipartStore {
  return {
    add: ({ objectKey, holder, sizeBytes, partBytes, usedAtMs }) =>
      db.write(function* () {
        const sql =
          "INSERT INTO multiparts (object_key, holder, size_bytes, part_bytes, used_at_ms) VALUES (?, ?, ?, ?, ?)";
        yield* run(sql, objectKey, holder, sizeBytes, partBytes, usedAtMs);
      }),

    begin: (objectKey, uploadId) =>
      db.write(function* () {
        yield* run("UPDATE multiparts SET upload_id = ? WHERE object_key = ?", uploadId, objectKey);
      }),

    use: (objectKey, holder, nowMs) =>
      db.write(function* () {
        const sql = `UPDATE multiparts SET used_at_ms = CASE WHEN used_at_ms < ? THEN ? ELSE used_at_ms END
          WHERE object_key = ? AND holder = ? AND upload_id IS NOT NULL RETURNING *`;
        const row = yield* find(sql, nowMs, nowMs, objectKey, holder);
        return row && toMultipart(row);
      }),

    find: (objectKey) =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM multiparts WHERE object_key = ?", objectKey);
        return row && toMultipart(row);
      }),

    list: ({ after, limit, idleSinceMs }) =>
      db.read(function* () {
        const sql = "SELECT * FROM multiparts WHERE object_key > ? AND used_at_ms < ? ORDER BY object_key LIMIT ?";
        return (yield* all(sql, after, idleSinceMs ?? Number.MAX_SAFE_INTEGER, limit)).map(toMultipart);
      }),

    remove: (objectKey) =>
      db.write(function* () {
        yield* run("DELETE FROM multiparts WHERE object_key = ?", objectKey);
      }),
  };
}

function toMultipart(row: Row): MultipartRecord {
  return {
    objectKey: row["object_key"] as string,
    holder: row["holder"] as string,
    sizeBytes: row["size_bytes"] as number,
    partBytes: row["part_bytes"] as number,
    uploadId: (row["upload_id"] as string | null) ?? undefined,
    usedAtMs: row["used_at_ms"] as number,
  };
}
