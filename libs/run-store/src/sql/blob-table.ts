/**
 * Blobs in SQL, and the check of whatever names them. All methods are parts of writes, the finders of reads too. What
 * the last collection condemned is not there for anybody.
 */
import type { Digest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import type { BlobMove } from "../garbage.ts";
import type { Marks } from "../marks.ts";
import type { BlobLocation, CommittedTree, NewBlob, RunSpec } from "../records.ts";
import { toBlob } from "./rows.ts";
import type { Row, Sql } from "./statement.ts";
import { find, run } from "./statement.ts";

/** The number of the last collection that condemned; 0: none has. What it noted as dead nobody sees. */
export const LAST_CONDEMNED = "coalesce((SELECT max(number) FROM collections WHERE condemned_at_ms IS NOT NULL), 0)";
const BLOB = `SELECT * FROM blobs WHERE digest = ? AND coalesce(condemned_by, -1) <> ${LAST_CONDEMNED}`;

/** A tree that is asked for gets a new time at most so often. */
const RENEW_AFTER_MS = 600_000;

export class BlobTable {
  /** Of the collection that goes on. */
  marks: Marks | undefined;

  *find(digests: readonly Digest[], nodesOnly = false): Sql<BlobLocation[]> {
    const found: BlobLocation[] = [];
    for (const digest of new Set(digests)) {
      const row = yield* this.row(digest);
      if (row !== undefined && (!nodesOnly || row["is_node"] === 1)) found.push(toBlob(row));
    }
    return found;
  }

  row(digest: string): Sql<Row | undefined> {
    return find(BLOB, digest);
  }

  /**
   * Records blobs, and a tree that is made of them. Throws invalid-input: `missing-object`, `missing-blob`. Gives the files of which
   * somebody else claims another place: then it is to be taken back.
   */
  *add(blobs: readonly NewBlob[], tree?: CommittedTree): Sql<Digest[]> {
    for (const objectKey of new Set(blobs.map((blob) => blob.objectKey))) yield* this.#requireObject(objectKey);
    const contested: Digest[] = [];
    // Files first: a node is a claim when anything below it is one.
    let claimant: string | null = null;
    for (const blob of blobs) {
      if (blob.isNode) continue;
      const other = yield* this.#addFile(blob);
      if (other === undefined) contested.push(blob.digest);
      else claimant ??= other;
    }
    for (const digest of tree?.uses ?? []) {
      const other = yield* this.#useFor(digest, tree?.userName);
      claimant ??= other;
    }
    const nodeClaimant = claimant === null ? null : (tree?.userName ?? claimant);
    for (const blob of blobs) if (blob.isNode) yield* this.#addNode(blob, nodeClaimant);
    if (tree === undefined) return contested;
    yield* this.#addPacks(tree.packs ?? []);
    yield* run("UPDATE blobs SET committed_at_ms = ? WHERE digest = ?", tree.atMs, tree.root);
    yield* this.#hold(tree.root, tree.heldBy);
    return contested;
  }

  /** See RunStore. */
  *confirm(places: readonly BlobLocation[]): Sql<void> {
    const sql = `UPDATE blobs SET claimed_by = NULL
      WHERE digest = ? AND object_key = ? AND "offset" = ? AND size_bytes = ? AND is_node = 0`;
    for (const { digest, objectKey, offset, sizeBytes } of places)
      yield* run(sql, digest, objectKey, offset, sizeBytes);
  }

  /** Which of these nodes have to be given a new time; undefined: one of the blobs is not there. */
  *needRenewal(digests: readonly Digest[], nowMs: number): Sql<Digest[] | undefined> {
    const stale: Digest[] = [];
    for (const digest of digests) {
      const row = yield* this.row(digest);
      if (row === undefined) return undefined;
      const committedAtMs = (row["committed_at_ms"] as number | null) ?? 0;
      if (row["is_node"] === 1 && committedAtMs < nowMs - RENEW_AFTER_MS) stale.push(digest);
    }
    return stale;
  }

  /** The trees count as committed now. False when one of them is not there. */
  *renew(digests: readonly Digest[], nowMs: number, heldBy: CommittedTree["heldBy"]): Sql<boolean> {
    for (const digest of digests) {
      if ((yield* this.#use(digest))?.["is_node"] !== 1) return false;
      yield* run("UPDATE blobs SET committed_at_ms = ? WHERE digest = ?", nowMs, digest);
      yield* this.#hold(digest, heldBy);
    }
    return true;
  }

  /** A tree that is about to be named in the record. Throws invalid-input (`no-such-tree`) when it is not there. */
  *requireTree(digest: string): Sql<void> {
    if ((yield* this.#use(digest))?.["is_node"] === 1) return;
    throw invalidInput(`The tree ${digest} is not known: upload it first.`, "no-such-tree");
  }

  /** The same of all that a run is made of. */
  *requireRun(spec: Pick<RunSpec, "codeTree" | "mounts">): Sql<void> {
    if (spec.codeTree !== "") yield* this.requireTree(spec.codeTree);
    for (const { resource, digest, isFile } of spec.mounts) {
      const row = yield* this.#use(digest);
      if (row !== undefined && (isFile || row["is_node"] === 1)) continue;
      throw invalidInput(`What "${resource}" led to has just been removed.`, "no-such-tree");
    }
  }

  /** A tree that is named in the record from now on, whatever it is: for what an agent says of its attempt. */
  *note(digest: string): Sql<void> {
    yield* this.#use(digest);
  }

  /**
   * Which of them were where they were said to be. They keep their numbers, so a collection that goes on loses none. A file is no claim
   * any more; of a node that depends on what lies below it.
   */
  *move(moves: readonly BlobMove[], packs: NonNullable<CommittedTree["packs"]>): Sql<Digest[]> {
    for (const objectKey of new Set(moves.map(({ to }) => to.objectKey))) yield* this.#requireObject(objectKey);
    const sql = `UPDATE blobs SET object_key = ?, "offset" = ?, claimed_by = CASE is_node WHEN 1 THEN claimed_by END
      WHERE digest = ? AND object_key = ? AND "offset" = ?`;
    const moved: Digest[] = [];
    for (const { digest, from, to } of moves) {
      if ((yield* this.row(digest)) === undefined) continue;
      const values = [to.objectKey, to.offset, digest, from.objectKey, from.offset] as const;
      if ((yield* run(sql, ...values)) > 0) moved.push(digest);
    }
    if (moved.length > 0) yield* this.#addPacks(packs);
    return moved;
  }

  *#addPacks(packs: NonNullable<CommittedTree["packs"]>): Sql<void> {
    for (const { objectKey, blobs } of packs) {
      yield* run("INSERT INTO packs (object_key, blobs) VALUES (?, ?) ON CONFLICT DO NOTHING", objectKey, blobs);
    }
  }

  *#use(digest: string): Sql<Row | undefined> {
    const row = yield* this.row(digest);
    if (row !== undefined) this.marks?.mark(row["id"] as number, row["is_node"] === 1);
    return row;
  }

  /** What the tree of this user names and did not bring. Who claims it; throws when that is somebody else. */
  *#useFor(digest: Digest, userName: string | undefined): Sql<string | null> {
    const row = yield* this.#use(digest);
    const claimant = claimantOf(row);
    if (row !== undefined && (claimant === null || userName === undefined || claimant === userName)) return claimant;
    throw invalidInput(`The tree names ${digest}, which is not stored any more: upload it first.`, "missing-blob");
  }

  /** Who claims the file from now on; undefined: that is contested. Known bytes stay where they are; only claims give way. */
  *#addFile(blob: NewBlob): Sql<string | null | undefined> {
    const mine = blob.claimedBy ?? null;
    const row = yield* this.#insert(blob, mine);
    const theirs = claimantOf(row);
    if (row === undefined) return mine;
    // A node's bytes were looked at where they lie, whatever is claimed below it.
    if (theirs === null || theirs === mine || row["is_node"] === 1) return theirs;
    if (mine !== null) return undefined;
    yield* this.#moveTo(blob);
    yield* run("UPDATE blobs SET claimed_by = NULL WHERE digest = ?", blob.digest);
    return null;
  }

  /** A file that turns out to be a directory node as well becomes one. */
  *#addNode(blob: NewBlob, mine: string | null): Sql<void> {
    const row = yield* this.#insert(blob, mine);
    const theirs = claimantOf(row);
    if (row === undefined || (row["is_node"] === 1 && (theirs === null || theirs === mine))) return;
    if (theirs !== null) yield* this.#moveTo(blob);
    yield* run("UPDATE blobs SET is_node = 1, claimed_by = ? WHERE digest = ?", mine, blob.digest);
    yield* this.#use(blob.digest);
  }

  *#moveTo({ digest, objectKey, offset, sizeBytes }: BlobLocation): Sql<void> {
    const sql = `UPDATE blobs SET object_key = ?, "offset" = ?, size_bytes = ? WHERE digest = ?`;
    yield* run(sql, objectKey, offset, sizeBytes, digest);
  }

  /** Undefined when it was inserted; else the row that is there. */
  *#insert({ digest, objectKey, offset, sizeBytes, isNode }: NewBlob, claimedBy: string | null): Sql<Row | undefined> {
    const sql = `INSERT INTO blobs (digest, object_key, "offset", size_bytes, is_node, claimed_by)
      VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
    const values = [digest, objectKey, offset, sizeBytes, isNode ? 1 : 0, claimedBy] as const;
    if ((yield* run(sql, ...values)) > 0) return undefined;
    const row = yield* this.#use(digest);
    if (row !== undefined) return row;
    // Condemned, and sent anew: this is where it lies from now on.
    yield* run("DELETE FROM blobs WHERE digest = ?", digest);
    yield* run(sql, ...values);
    return undefined;
  }

  *#hold(tree: Digest, heldBy: CommittedTree["heldBy"]): Sql<void> {
    if (heldBy === undefined) return;
    const sql = "INSERT INTO held_trees (run_id, attempt, tree) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    yield* run(sql, heldBy.runId, heldBy.attempt, tree);
  }

  *#requireObject(objectKey: string): Sql<void> {
    if ((yield* find("SELECT 1 FROM doomed_objects WHERE object_key = ?", objectKey)) === undefined) return;
    throw invalidInput(`Object ${objectKey} was put too long ago and is gone: upload it again.`, "missing-object");
  }
}

function claimantOf(row: Row | undefined): string | null {
  return (row?.["claimed_by"] as string | null | undefined) ?? null;
}
