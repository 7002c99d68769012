/** Objects that are put in parts, in SQLite. */
import type { MultipartRecord, MultipartStore } from "../multiparts.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

export class SqliteMultiparts implements MultipartStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;

  constructor(db: Statements, group: GroupCommit) {
    this.#db = db;
    this.#group = group;
  }

  add({ objectKey, holder, sizeBytes, partBytes, usedAtMs }: Omit<MultipartRecord, "uploadId">): Promise<void> {
    return this.#group.write(() => {
      const sql =
        "INSERT INTO multiparts (object_key, holder, size_bytes, part_bytes, used_at_ms) VALUES (?, ?, ?, ?, ?)";
      this.#db.run(sql, objectKey, holder, sizeBytes, partBytes, usedAtMs);
    });
  }

  begin(objectKey: string, uploadId: string): Promise<void> {
    return this.#group.write(
      () => void this.#db.run("UPDATE multiparts SET upload_id = ? WHERE object_key = ?", uploadId, objectKey),
    );
  }

  use(objectKey: string, holder: string, nowMs: number): Promise<MultipartRecord | undefined> {
    return this.#group.write(() => {
      const sql = `UPDATE multiparts SET used_at_ms = max(used_at_ms, ?) WHERE object_key = ? AND holder = ?
        AND upload_id IS NOT NULL RETURNING *`;
      const row = this.#db.find(sql, nowMs, objectKey, holder);
      return row && toMultipart(row);
    });
  }

  async find(objectKey: string): Promise<MultipartRecord | undefined> {
    const row = this.#db.find("SELECT * FROM multiparts WHERE object_key = ?", objectKey);
    return row && toMultipart(row);
  }

  async list({ after, limit, idleSinceMs }: Parameters<MultipartStore["list"]>[0]): Promise<MultipartRecord[]> {
    const sql = "SELECT * FROM multiparts WHERE object_key > ? AND used_at_ms < ? ORDER BY object_key LIMIT ?";
    return this.#db.all(sql, after, idleSinceMs ?? Number.MAX_SAFE_INTEGER, limit).map(toMultipart);
  }

  remove(objectKey: string): Promise<void> {
    return this.#group.write(() => void this.#db.run("DELETE FROM multiparts WHERE object_key = ?", objectKey));
  }
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
