/** Collecting garbage, in SQLite. */
import type { Digest } from "@spell/domain";
import { conflict } from "@spell/domain";
import type {
  BlobMove,
  CollectionRecord,
  CollectionResult,
  GarbageStore,
  NumberedBlob,
  ObjectUse,
  REFERENCE_SOURCES,
  ReferencePage,
} from "../garbage.ts";
import type { Marks } from "../marks.ts";
import type { CommittedTree } from "../records.ts";
import type { BlobTable } from "./blob-table.ts";
import type { GroupCommit } from "./group-commit.ts";
import { listReferences } from "./references.ts";
import type { Row } from "./rows.ts";
import { toBlob } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** So much is taken back in the transaction that condemns. */
const LATE_AT_ONCE = 1_000;

export class SqliteGarbage implements GarbageStore {
  readonly #db: Statements;
  readonly #group: GroupCommit;
  readonly #blobs: BlobTable;

  constructor(db: Statements, group: GroupCommit, blobs: BlobTable) {
    this.#db = db;
    this.#group = group;
    this.#blobs = blobs;
  }

  async lastBlobId(): Promise<number> {
    return (this.#db.one("SELECT max(id) AS id FROM blobs")["id"] as number | null) ?? 0;
  }

  watch(marks: Marks | undefined): void {
    this.#blobs.marks = marks;
  }

  async listReferences(
    source: (typeof REFERENCE_SOURCES)[number],
    page: { after?: string; limit: number; committedSinceMs: number },
  ): Promise<ReferencePage> {
    return listReferences(this.#db, source, page);
  }

  async mark(marks: Marks, names: readonly { digest: Digest; asNode: boolean }[]): Promise<Digest[]> {
    const absent: Digest[] = [];
    for (const { digest, asNode } of names) {
      const row = this.#blobs.row(digest);
      if (row === undefined || (asNode && row["is_node"] !== 1)) absent.push(digest);
      if (row !== undefined) marks.mark(row["id"] as number, asNode && row["is_node"] === 1);
    }
    return absent;
  }

  async findById(ids: readonly number[]): Promise<NumberedBlob[]> {
    return ids.flatMap((id) => toNumbered(this.#db.find("SELECT * FROM blobs WHERE id = ?", id)));
  }

  async findByDigest(digests: readonly Digest[]): Promise<NumberedBlob[]> {
    return digests.flatMap((digest) => toNumbered(this.#blobs.row(digest)));
  }

  moveBlobs(moves: readonly BlobMove[], packs: NonNullable<CommittedTree["packs"]>): Promise<Digest[]> {
    return this.#group.write(() => this.#blobs.move(moves, packs));
  }

  async listBlobs({ afterId, limit }: { afterId: number; limit: number }): Promise<NumberedBlob[]> {
    return this.#db.all("SELECT * FROM blobs WHERE id > ? ORDER BY id LIMIT ?", afterId, limit).flatMap(toNumbered);
  }

  async listObjectUses({ after, limit }: { after: string; limit: number }): Promise<ObjectUse[]> {
    const sql = `SELECT object_key, count(*) AS blobs, sum(size_bytes) AS blob_bytes, max(offset + size_bytes) AS end_bytes,
      (SELECT packs.blobs FROM packs WHERE packs.object_key = blobs.object_key) AS listed FROM blobs WHERE object_key > ? GROUP BY object_key ORDER BY object_key LIMIT ?`;
    return this.#db.all(sql, after, limit).map((row) => ({
      objectKey: row["object_key"] as string,
      blobs: row["blobs"] as number,
      blobBytes: row["blob_bytes"] as number,
      endBytes: row["end_bytes"] as number,
      listedBlobs: (row["listed"] as number | null) ?? undefined,
    }));
  }

  async listObjectBlobs(objectKey: string): Promise<NumberedBlob[]> {
    return this.#db.all("SELECT * FROM blobs WHERE object_key = ? ORDER BY offset", objectKey).flatMap(toNumbered);
  }

  beginCollection(nowMs: number): Promise<number> {
    return this.#group.write(() => {
      const left = this.#db.find("SELECT 1 FROM blobs WHERE condemned_by = ? LIMIT 1", this.#blobs.condemnedBy);
      if (left !== undefined) throw conflict("An earlier collection is not complete.", "collection-incomplete");
      return this.#db.one("INSERT INTO collections (started_at_ms) VALUES (?) RETURNING number", nowMs)[
        "number"
      ] as number;
    });
  }

  noteDead(
    collection: number,
    { marks, afterId, limit }: { marks: Marks; afterId: number; limit: number },
  ): Promise<{ lastId: number | undefined; blobs: number; bytes: number }> {
    return this.#group.write(() => {
      const sql = "SELECT id, size_bytes FROM blobs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";
      const rows = this.#db.all(sql, afterId, marks.lastId, limit);
      const dead = rows.filter((row) => !marks.has(row["id"] as number));
      for (const row of dead) {
        this.#db.run("UPDATE blobs SET condemned_by = ? WHERE id = ?", collection, row["id"] as number);
      }
      const bytes = dead.reduce((sum, row) => sum + (row["size_bytes"] as number), 0);
      return { lastId: rows.at(-1)?.["id"] as number | undefined, blobs: dead.length, bytes };
    });
  }

  async condemn(collection: number, marks: Marks, nowMs: number): Promise<boolean> {
    const before = this.#blobs.condemnedBy;
    try {
      return await this.#group.write(() => {
        // Nothing can come between this look and the commit: no other write, and nobody who reads.
        if (this.#blobs.marks !== marks || !marks.isComplete || marks.lateCount > LATE_AT_ONCE) return false;
        this.#takeBack(collection, marks);
        this.#db.run("UPDATE collections SET condemned_at_ms = ? WHERE number = ?", nowMs, collection);
        this.#blobs.hide(collection);
        return true;
      });
    } catch (error) {
      this.#blobs.hide(before);
      throw error;
    }
  }

  takeBack(collection: number, marks: Marks): Promise<boolean> {
    return this.#group.write(() => this.#takeBack(collection, marks));
  }

  deleteCondemned(limit: number): Promise<{ blobs: number; bytes: number }> {
    return this.#group.write(() => {
      const chosen = "SELECT id FROM blobs WHERE condemned_by = ? LIMIT ?";
      const deleted = this.#db.all(
        `DELETE FROM blobs WHERE id IN (${chosen}) RETURNING size_bytes`,
        ...[this.#blobs.condemnedBy, limit],
      );
      return { blobs: deleted.length, bytes: deleted.reduce((sum, row) => sum + (row["size_bytes"] as number), 0) };
    });
  }

  endCollection(collection: number, result: CollectionResult, nowMs: number): Promise<void> {
    return this.#group.write(() => {
      const sql = "UPDATE collections SET ended_at_ms = ?, result = ? WHERE number = ?";
      this.#db.run(sql, nowMs, JSON.stringify(result), collection);
      // Only the last ones are of interest, and the one that hides what it condemned.
      const old = "DELETE FROM collections WHERE number < ? AND number <> ?";
      this.#db.run(old, collection - 100, this.#blobs.condemnedBy);
    });
  }

  async lastCollection(): Promise<CollectionRecord | undefined> {
    const row = this.#db.find("SELECT * FROM collections WHERE ended_at_ms IS NOT NULL ORDER BY number DESC LIMIT 1");
    if (row === undefined) return undefined;
    const result = row["result"] as string | null;
    return {
      number: row["number"] as number,
      startedAtMs: row["started_at_ms"] as number,
      condemnedAtMs: (row["condemned_at_ms"] as number | null) ?? undefined,
      endedAtMs: (row["ended_at_ms"] as number | null) ?? undefined,
      result: result === null ? undefined : (JSON.parse(result) as CollectionResult),
    };
  }

  releaseHeld(): Promise<void> {
    return this.#group.write(() => {
      const inForce = "SELECT 1 FROM runs WHERE id = run_id AND ended_at_ms IS NULL AND attempt = held_trees.attempt";
      this.#db.run(`DELETE FROM held_trees WHERE NOT EXISTS (${inForce})`);
    });
  }

  doom(objectKeys: readonly string[], nowMs: number): Promise<string[]> {
    return this.#group.write(() =>
      objectKeys.filter((key) => {
        if (this.#db.find("SELECT 1 FROM blobs WHERE object_key = ? LIMIT 1", key) !== undefined) return false;
        if (this.#db.find("SELECT 1 FROM multiparts WHERE object_key = ?", key) !== undefined) return false;
        this.#db.run("INSERT OR IGNORE INTO doomed_objects VALUES (?, ?)", key, nowMs);
        this.#db.run("DELETE FROM packs WHERE object_key = ?", key);
        return true;
      }),
    );
  }

  async listDoomed({ after, limit }: { after: string; limit: number }): ReturnType<GarbageStore["listDoomed"]> {
    const sql = "SELECT * FROM doomed_objects WHERE object_key > ? ORDER BY object_key LIMIT ?";
    return this.#db
      .all(sql, after, limit)
      .map((row) => ({ objectKey: row["object_key"] as string, doomedAtMs: row["doomed_at_ms"] as number }));
  }

  forgetDoomed(objectKeys: readonly string[]): Promise<void> {
    return this.#group.write(() => {
      for (const key of objectKeys) this.#db.run("DELETE FROM doomed_objects WHERE object_key = ?", key);
    });
  }

  dropOutputs({ archivedBeforeMs, nowMs, limit }: Parameters<GarbageStore["dropOutputs"]>[0]): Promise<number> {
    const leads = "= 'runs/' || runs.id OR {} LIKE 'runs/' || runs.id || '/%'";
    const linked = `SELECT 1 FROM links WHERE links.owner = runs.owner
      AND (resource_path ${leads.replace("{}", "resource_path")})`;
    const named = `SELECT 1 FROM model_versions JOIN models ON models.id = model_id WHERE models.owner = runs.owner
      AND (resource ${leads.replace("{}", "resource")})`;
    return this.#group.write(() => {
      const chosen = `SELECT id FROM runs WHERE archived_at_ms < ? AND output_tree IS NOT NULL AND ended_at_ms IS NOT NULL
        AND NOT EXISTS (${linked}) AND NOT EXISTS (${named}) LIMIT ?`;
      return this.#db.run(
        `UPDATE runs SET output_tree = NULL, outputs_dropped_at_ms = ?, version = version + 1 WHERE id IN (${chosen})`,
        ...[nowMs, archivedBeforeMs, limit],
      );
    });
  }

  #takeBack(collection: number, marks: Marks): boolean {
    const late = marks.takeLate(LATE_AT_ONCE);
    const sql = "UPDATE blobs SET condemned_by = NULL WHERE id = ? AND condemned_by = ?";
    for (const id of late) this.#db.run(sql, id, collection);
    return late.length > 0;
  }
}

function toNumbered(row: Row | undefined): NumberedBlob[] {
  return row === undefined ? [] : [{ ...toBlob(row), id: row["id"] as number, isNode: row["is_node"] === 1 }];
}
