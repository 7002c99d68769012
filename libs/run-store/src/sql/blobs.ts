/** Where blobs lie, in SQL. */
import type { Digest } from "@spell/domain";
import { conflict } from "@spell/domain";
import type { RunStore } from "../run-store.ts";
import type { BlobTable } from "./blob-table.ts";
import type { Database } from "./database.ts";

type Blobs = Pick<RunStore, "findBlobs" | "findNodes" | "addBlobs" | "confirmBlobs" | "renewTrees">;

export function blobStore(db: Database, table: BlobTable): Blobs {
  return {
    findBlobs: (digests) => db.read(() => table.find(digests)),

    findNodes: (digests) => db.read(() => table.find(digests, true)),

    async addBlobs(blobs, tree) {
      let contested: Digest[] = [];
      try {
        await db.write(function* () {
          contested = yield* table.add(blobs, tree);
          if (contested.length > 0) throw conflict("Two users claim different places of the same blobs.", "contested");
        });
      } catch (error) {
        if (contested.length === 0) throw error;
      }
      return contested;
    },

    confirmBlobs: (places) => db.write(() => table.confirm(places)),

    async renewTrees(digests, nowMs, heldBy) {
      // What is held is written down whenever it was committed.
      const beforeMs = heldBy === undefined ? nowMs : Number.POSITIVE_INFINITY;
      const stale = await db.read(() => table.needRenewal(digests, beforeMs));
      if (stale === undefined) return false;
      return stale.length === 0 || db.write(() => table.renew(stale, nowMs, heldBy));
    },
  };
}
