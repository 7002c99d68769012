/**
 * Blobs in SQLite, and the check of whatever names them. All methods run inside a write of the group, the finders outside too. What
 * the last collection condemned is not there for anybody.
 */
import type { Digest } from "@spell/domain";
import { invalidInput } from "@spell/domain";
import type { BlobMove } from "../garbage.ts";
import type { Marks } from "../marks.ts";
import type { BlobLocation, CommittedTree, NewBlob, RunSpec } from "../records.ts";
import type { Row } from "./rows.ts";
import { toBlob } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** A tree that is asked for gets a new time at most so often. */
const RENEW_AFTER_MS = 600_000;

export class BlobTable {
  /** Of the collection that goes on. */
  marks: Marks | undefined;
  readonly #db: Statements;
  #condemned: number;

  constructor(db: Statements) {
    this.#db = db;
    const row = db.find("SELECT max(number) AS number FROM collections WHERE condemned_at_ms IS NOT NULL");
    this.#condemned = (row?.["number"] as number | null) ?? 0;
  }

  /** The last collection that condemned; 0: none has. */
  get condemnedBy(): number {
    return this.#condemned;
  }

  /** Hides what this collection noted as dead. Only after the transaction that says so cannot fail any more. */
  hide(collection: number): void {
    this.#condemned = collection;
  }

  find(digests: readonly Digest[], nodesOnly = false): BlobLocation[] {
    const found: BlobLocation[] = [];
    for (const digest of new Set(digests)) {
      const row = this.row(digest);
      if (row !== undefined && (!nodesOnly || row["is_node"] === 1)) found.push(toBlob(row));
    }
    return found;
  }

  row(digest: string): Row | undefined {
    const row = this.#db.find("SELECT * FROM blobs WHERE digest = ?", digest);
    return row?.["condemned_by"] === this.#condemned ? undefined : row;
  }

  /**
   * Records blobs, and a tree that is made of them. Throws invalid-input: `missing-object`, `missing-blob`. Gives the files of which
   * somebody else claims another place: then it is to be taken back.
   */
  add(blobs: readonly NewBlob[], tree?: CommittedTree): Digest[] {
    for (const objectKey of new Set(blobs.map((blob) => blob.objectKey))) this.#requireObject(objectKey);
    const contested: Digest[] = [];
    // Files first: a node is a claim when anything below it is one.
    let claimant: string | null = null;
    for (const blob of blobs) {
      if (blob.isNode) continue;
      const other = this.#addFile(blob);
      if (other === undefined) contested.push(blob.digest);
      else claimant ??= other;
    }
    for (const digest of tree?.uses ?? []) {
      const other = this.#useFor(digest, tree?.userName);
      claimant ??= other;
    }
    const nodeClaimant = claimant === null ? null : (tree?.userName ?? claimant);
    for (const blob of blobs) if (blob.isNode) this.#addNode(blob, nodeClaimant);
    if (tree === undefined) return contested;
    this.#addPacks(tree.packs ?? []);
    this.#db.run("UPDATE blobs SET committed_at_ms = ? WHERE digest = ?", tree.atMs, tree.root);
    this.#hold(tree.root, tree.heldBy);
    return contested;
  }

  /** See RunStore. */
  confirm(places: readonly BlobLocation[]): void {
    const sql = `UPDATE blobs SET claimed_by = NULL
      WHERE digest = ? AND object_key = ? AND offset = ? AND size_bytes = ? AND is_node = 0`;
    for (const { digest, objectKey, offset, sizeBytes } of places)
      this.#db.run(sql, digest, objectKey, offset, sizeBytes);
  }

  /** Which of these nodes have to be given a new time. */
  needRenewal(digests: readonly Digest[], nowMs: number): Digest[] {
    return digests.filter((digest) => {
      const row = this.row(digest);
      return row?.["is_node"] === 1 && ((row["committed_at_ms"] as number | null) ?? 0) < nowMs - RENEW_AFTER_MS;
    });
  }

  /** The trees count as committed now. False when one of them is not there. */
  renew(digests: readonly Digest[], nowMs: number, heldBy: CommittedTree["heldBy"]): boolean {
    for (const digest of digests) {
      if (this.#use(digest)?.["is_node"] !== 1) return false;
      this.#db.run("UPDATE blobs SET committed_at_ms = ? WHERE digest = ?", nowMs, digest);
      this.#hold(digest, heldBy);
    }
    return true;
  }

  /** A tree that is about to be named in the record. Throws invalid-input (`no-such-tree`) when it is not there. */
  requireTree(digest: string): void {
    if (this.#use(digest)?.["is_node"] === 1) return;
    throw invalidInput(`The tree ${digest} is not known: upload it first.`, "no-such-tree");
  }

  /** The same of all that a run is made of. */
  requireRun(spec: Pick<RunSpec, "codeTree" | "mounts">): void {
    if (spec.codeTree !== "") this.requireTree(spec.codeTree);
    for (const { resource, digest, isFile } of spec.mounts) {
      const row = this.#use(digest);
      if (row !== undefined && (isFile || row["is_node"] === 1)) continue;
      throw invalidInput(`What "${resource}" led to has just been removed.`, "no-such-tree");
    }
  }

  /** A tree that is named in the record from now on, whatever it is: for what an agent says of its attempt. */
  note(digest: string): void {
    this.#use(digest);
  }

  /**
   * Which of them were where they were said to be. They keep their numbers, so a collection that goes on loses none. A file is no claim
   * any more; of a node that depends on what lies below it.
   */
  move(moves: readonly BlobMove[], packs: NonNullable<CommittedTree["packs"]>): Digest[] {
    for (const objectKey of new Set(moves.map(({ to }) => to.objectKey))) this.#requireObject(objectKey);
    const moved = moves.flatMap(({ digest, from, to }) => {
      if (this.row(digest) === undefined) return [];
      const sql = `UPDATE blobs SET object_key = ?, offset = ?, claimed_by = CASE is_node WHEN 1 THEN claimed_by END
        WHERE digest = ? AND object_key = ? AND offset = ?`;
      const values = [to.objectKey, to.offset, digest, from.objectKey, from.offset] as const;
      return this.#db.run(sql, ...values) > 0 ? [digest] : [];
    });
    if (moved.length > 0) this.#addPacks(packs);
    return moved;
  }

  #addPacks(packs: NonNullable<CommittedTree["packs"]>): void {
    for (const { objectKey, blobs } of packs) {
      this.#db.run("INSERT OR IGNORE INTO packs VALUES (?, ?)", objectKey, blobs);
    }
  }

  #use(digest: string): Row | undefined {
    const row = this.row(digest);
    if (row !== undefined) this.marks?.mark(row["id"] as number, row["is_node"] === 1);
    return row;
  }

  /** What the tree of this user names and did not bring. Who claims it; throws when that is somebody else. */
  #useFor(digest: Digest, userName: string | undefined): string | null {
    const row = this.#use(digest);
    const claimant = claimantOf(row);
    if (row !== undefined && (claimant === null || userName === undefined || claimant === userName)) return claimant;
    throw invalidInput(`The tree names ${digest}, which is not stored any more: upload it first.`, "missing-blob");
  }

  /** Who claims the file from now on; undefined: that is contested. Known bytes stay where they are; only claims give way. */
  #addFile(blob: NewBlob): string | null | undefined {
    const mine = blob.claimedBy ?? null;
    const row = this.#insert(blob, mine);
    const theirs = claimantOf(row);
    if (row === undefined) return mine;
    // A node's bytes were looked at where they lie, whatever is claimed below it.
    if (theirs === null || theirs === mine || row["is_node"] === 1) return theirs;
    if (mine !== null) return undefined;
    this.#moveTo(blob);
    this.#db.run("UPDATE blobs SET claimed_by = NULL WHERE digest = ?", blob.digest);
    return null;
  }

  /** A file that turns out to be a directory node as well becomes one. */
  #addNode(blob: NewBlob, mine: string | null): void {
    const row = this.#insert(blob, mine);
    const theirs = claimantOf(row);
    if (row === undefined || (row["is_node"] === 1 && (theirs === null || theirs === mine))) return;
    if (theirs !== null) this.#moveTo(blob);
    this.#db.run("UPDATE blobs SET is_node = 1, claimed_by = ? WHERE digest = ?", mine, blob.digest);
    this.#use(blob.digest);
  }

  #moveTo({ digest, objectKey, offset, sizeBytes }: BlobLocation): void {
    const sql = "UPDATE blobs SET object_key = ?, offset = ?, size_bytes = ? WHERE digest = ?";
    this.#db.run(sql, objectKey, offset, sizeBytes, digest);
  }

  /** Undefined when it was inserted; else the row that is there. */
  #insert({ digest, objectKey, offset, sizeBytes, isNode }: NewBlob, claimedBy: string | null): Row | undefined {
    const sql = `INSERT OR IGNORE INTO blobs (digest, object_key, offset, size_bytes, is_node, claimed_by)
      VALUES (?, ?, ?, ?, ?, ?)`;
    const values = [digest, objectKey, offset, sizeBytes, isNode ? 1 : 0, claimedBy] as const;
    if (this.#db.run(sql, ...values) > 0) return undefined;
    const row = this.#use(digest);
    if (row !== undefined) return row;
    // Condemned, and sent anew: this is where it lies from now on.
    this.#db.run("DELETE FROM blobs WHERE digest = ?", digest);
    this.#db.run(sql, ...values);
    return undefined;
  }

  #hold(tree: Digest, heldBy: CommittedTree["heldBy"]): void {
    if (heldBy === undefined) return;
    this.#db.run("INSERT OR IGNORE INTO held_trees VALUES (?, ?, ?)", heldBy.runId, heldBy.attempt, tree);
  }

  #requireObject(objectKey: string): void {
    if (this.#db.find("SELECT 1 FROM doomed_objects WHERE object_key = ?", objectKey) === undefined) return;
    throw invalidInput(`Object ${objectKey} was put too long ago and is gone: upload it again.`, "missing-object");
  }
}

function claimantOf(row: Row | undefined): string | null {
  return (row?.["claimed_by"] as string | null | undefined) ?? null;
}
