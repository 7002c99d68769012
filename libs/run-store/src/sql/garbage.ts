/** Collecting garbage, in SQL. */
import type { Digest } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { CollectionResult, GarbageStore, NumberedBlob } from "../garbage.ts";
import type { Marks } from "../marks.ts";
import { LAST_CONDEMNED } from "./blob-table.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";
import { listReferences } from "./references.ts";
import { toBlob } from "./rows.ts";
import type { Row, Sql } from "./statement.ts";
import { all, find, one, run } from "./statement.ts";

/** So much is taken back in the transaction that condemns. */
const LATE_AT_ONCE = 1_000;

export function garbageStore(db: Database, blobs: BlobTable): GarbageStore {
  return {
    lastBlobId: () =>
      db.read(function* () {
        return ((yield* one("SELECT max(id) AS id FROM blobs"))["id"] as number | null) ?? 0;
      }),

    watch: (marks) =>
      // As a write: what was written before is seen by whoever reads from now on, what comes after is marked.
      // eslint-disable-next-line require-yield -- it reads nothing, only its place among the writes counts
      db.write(function* () {
        blobs.marks = marks;
      }),

    listReferences: (source, page) => db.read(() => listReferences(db.dialect, source, page)),

    mark: (marks, names) =>
      db.read(function* () {
        const absent: Digest[] = [];
        for (const { digest, asNode } of names) {
          const row = yield* blobs.row(digest);
          if (row === undefined || (asNode && row["is_node"] !== 1)) absent.push(digest);
          if (row !== undefined) marks.mark(row["id"] as number, asNode && row["is_node"] === 1);
        }
        return absent;
      }),

    findById: (ids) =>
      db.read(function* () {
        const found: NumberedBlob[] = [];
        for (const id of ids) found.push(...toNumbered(yield* find("SELECT * FROM blobs WHERE id = ?", id)));
        return found;
      }),

    findByDigest: (digests) =>
      db.read(function* () {
        const found: NumberedBlob[] = [];
        for (const digest of digests) found.push(...toNumbered(yield* blobs.row(digest)));
        return found;
      }),

    moveBlobs: (moves, packs) => db.write(() => blobs.move(moves, packs)),

    listBlobs: ({ afterId, limit }) =>
      db.read(function* () {
        return (yield* all("SELECT * FROM blobs WHERE id > ? ORDER BY id LIMIT ?", afterId, limit)).flatMap(toNumbered);
      }),

    listObjectUses: ({ after, limit }) =>
      db.read(function* () {
        const sql = `SELECT object_key, count(*) AS blobs, sum(size_bytes) AS blob_bytes,
            max("offset" + size_bytes) AS end_bytes,
            (SELECT packs.blobs FROM packs WHERE packs.object_key = blobs.object_key) AS listed
          FROM blobs WHERE object_key > ? GROUP BY object_key ORDER BY object_key LIMIT ?`;
        return (yield* all(sql, after, limit)).map((row) => ({
          objectKey: row["object_key"] as string,
          blobs: row["blobs"] as number,
          blobBytes: row["blob_bytes"] as number,
          endBytes: row["end_bytes"] as number,
          listedBlobs: (row["listed"] as number | null) ?? undefined,
        }));
      }),

    listObjectBlobs: (objectKey) =>
      db.read(function* () {
        const sql = `SELECT * FROM blobs WHERE object_key = ? ORDER BY "offset"`;
        return (yield* all(sql, objectKey)).flatMap(toNumbered);
      }),

    beginCollection: (nowMs) =>
      db.write(function* () {
        const left = yield* find(`SELECT 1 FROM blobs WHERE condemned_by = ${LAST_CONDEMNED} LIMIT 1`);
        if (left !== undefined) throw conflict("An earlier collection is not complete.", "collection-incomplete");
        const row = yield* one("INSERT INTO collections (started_at_ms) VALUES (?) RETURNING number", nowMs);
        return row["number"] as number;
      }),

    noteDead: (collection, { marks, afterId, limit }) =>
      db.write(function* () {
        const sql = "SELECT id, size_bytes FROM blobs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";
        const rows = yield* all(sql, afterId, marks.lastId, limit);
        const dead = rows.filter((row) => !marks.has(row["id"] as number));
        for (const row of dead) {
          yield* run("UPDATE blobs SET condemned_by = ? WHERE id = ?", collection, row["id"] as number);
        }
        return { lastId: rows.at(-1)?.["id"] as number | undefined, blobs: dead.length, bytes: bytesOf(dead) };
      }),

    condemn: (collection, marks, nowMs) =>
      db.write(function* () {
        // Nothing can come between this look and the commit: no other write, and nobody sees it before.
        if (blobs.marks !== marks || !marks.isComplete || marks.lateCount > LATE_AT_ONCE) return false;
        yield* takeBack(collection, marks);
        yield* run("UPDATE collections SET condemned_at_ms = ? WHERE number = ?", nowMs, collection);
        return true;
      }),

    takeBack: (collection, marks) => db.write(() => takeBack(collection, marks)),

    deleteCondemned: (limit) =>
      db.write(function* () {
        const chosen = `SELECT id FROM blobs WHERE condemned_by = ${LAST_CONDEMNED} LIMIT ?`;
        const deleted = yield* all(`DELETE FROM blobs WHERE id IN (${chosen}) RETURNING size_bytes`, limit);
        return { blobs: deleted.length, bytes: bytesOf(deleted) };
      }),

    endCollection: (collection, result, nowMs) =>
      db.write(function* () {
        const sql = "UPDATE collections SET ended_at_ms = ?, result = ? WHERE number = ?";
        yield* run(sql, nowMs, JSON.stringify(result), collection);
        // Only the last ones are of interest, and the one that hides what it condemned.
        yield* run(`DELETE FROM collections WHERE number < ? AND number <> ${LAST_CONDEMNED}`, collection - 100);
      }),

    lastCollection: () =>
      db.read(function* () {
        const row = yield* find("SELECT * FROM collections WHERE ended_at_ms IS NOT NULL ORDER BY number DESC LIMIT 1");
        if (row === undefined) return undefined;
        const result = row["result"] as string | null;
        return {
          number: row["number"] as number,
          startedAtMs: row["started_at_ms"] as number,
          condemnedAtMs: (row["condemned_at_ms"] as number | null) ?? undefined,
          endedAtMs: (row["ended_at_ms"] as number | null) ?? undefined,
          result: result === null ? undefined : (JSON.parse(result) as CollectionResult),
        };
      }),

    releaseHeld: () =>
      db.write(function* () {
        const inForce = "SELECT 1 FROM runs WHERE id = run_id AND ended_at_ms IS NULL AND attempt = held_trees.attempt";
        yield* run(`DELETE FROM held_trees WHERE NOT EXISTS (${inForce})`);
      }),

    doom: (objectKeys, nowMs) =>
      db.write(function* () {
        const doomed: string[] = [];
        for (const key of objectKeys) {
          if ((yield* find("SELECT 1 FROM blobs WHERE object_key = ? LIMIT 1", key)) !== undefined) continue;
          if ((yield* find("SELECT 1 FROM multiparts WHERE object_key = ?", key)) !== undefined) continue;
          const sql = "INSERT INTO doomed_objects (object_key, doomed_at_ms) VALUES (?, ?) ON CONFLICT DO NOTHING";
          yield* run(sql, key, nowMs);
          yield* run("DELETE FROM packs WHERE object_key = ?", key);
          doomed.push(key);
        }
        return doomed;
      }),

    listDoomed: ({ after, limit }) =>
      db.read(function* () {
        const sql = "SELECT * FROM doomed_objects WHERE object_key > ? ORDER BY object_key LIMIT ?";
        return (yield* all(sql, after, limit)).map((row) => ({
          objectKey: row["object_key"] as string,
          doomedAtMs: row["doomed_at_ms"] as number,
        }));
      }),

    forgetDoomed: (objectKeys) =>
      db.write(function* () {
        for (const key of objectKeys) yield* run("DELETE FROM doomed_objects WHERE object_key = ?", key);
      }),

    dropOutputs: ({ archivedBeforeMs, nowMs, limit }) => {
      const leads = (column: string): string =>
        `(${column} = 'runs/' || runs.id OR ${column} LIKE 'runs/' || runs.id || '/%')`;
      const linked = `SELECT 1 FROM links WHERE links.owner = runs.owner AND ${leads("resource_path")}`;
      const named = `SELECT 1 FROM model_versions JOIN models ON models.id = model_id
        WHERE models.owner = runs.owner AND ${leads("resource")}`;
      const chosen = `SELECT id FROM runs WHERE archived_at_ms < ? AND output_tree IS NOT NULL AND ended_at_ms IS NOT NULL
        AND NOT EXISTS (${linked}) AND NOT EXISTS (${named}) LIMIT ?`;
      const drop = `UPDATE runs SET output_tree = NULL, outputs_dropped_at_ms = ?, version = version + 1
        WHERE id IN (${chosen})`;
      return db.write(() => run(drop, nowMs, archivedBeforeMs, limit));
    },
  };
}

function* takeBack(collection: number, marks: Marks): Sql<boolean> {
  const late = marks.takeLate(LATE_AT_ONCE);
  const sql = "UPDATE blobs SET condemned_by = NULL WHERE id = ? AND condemned_by = ?";
  for (const id of late) yield* run(sql, id, collection);
  return late.length > 0;
}

function bytesOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + (row["size_bytes"] as number), 0);
}

function toNumbered(row: Row | undefined): NumberedBlob[] {
  return row === undefined ? [] : [{ ...toBlob(row), id: row["id"] as number, isNode: row["is_node"] === 1 }];
}
