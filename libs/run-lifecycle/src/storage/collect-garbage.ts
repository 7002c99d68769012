/**
 * A collection: marks what is alive, condemns the rest at one moment, deletes its rows, then the objects that hold nothing any more.
 * It may be killed after any step; the next one goes on with what was condemned. Why it is safe beside everything else: docs/adr/0011.
 */
import type { CollectionResult } from "@spell/run-store";
import { Marks } from "@spell/run-store";
import { PACK_PREFIX } from "../check-put.ts";
import { deleteObjects } from "./delete-objects.ts";
import type { DeleteDeps, DeletedObjects } from "./delete-objects.ts";
import { abortIdle } from "./idle-multiparts.ts";
import { markAlive, walkMarked } from "./mark-alive.ts";
import type { MarkOptions } from "./mark-alive.ts";

export interface CollectOptions {
  /** What was committed or put for so long lives, whether anything names it or not. */
  graceMs: number;
  /** Only find out what would be collected. */
  dryRun: boolean;
  /** See MarkOptions. */
  despiteLosses: boolean;
  /** Outputs of runs that were archived so long ago are given up. Default: never. */
  keepArchivedOutputsMs?: number;
}

export interface CollectionProgress extends CollectionResult {
  step: "marking" | "noting" | "deleting-blobs" | "deleting-objects";
  aliveBlobs: number;
  droppedOutputs: number;
}

/** Rows written in one transaction: some milliseconds. */
const ROWS = 500;

/** Gives after each piece of work how far it is; the last one is the outcome. */
export async function* collectGarbage(
  deps: DeleteDeps,
  options: CollectOptions,
): AsyncGenerator<CollectionProgress, void, undefined> {
  const { garbage } = deps.store;
  const progress: CollectionProgress = {
    ...{ step: "marking", aliveBlobs: 0, droppedOutputs: 0 },
    ...{ deadBlobs: 0, deadBytes: 0, deletedObjects: 0, deletedBytes: 0 },
  };
  const putBeforeMs = deps.now() - options.graceMs;
  if (!options.dryRun) {
    yield* deleteCondemned(deps, progress);
    progress.droppedOutputs = await dropOutputs(deps, options);
    await garbage.releaseHeld();
    progress.step = "marking";
  }
  const marks = new Marks(await garbage.lastBlobId());
  const marking = { marks, committedSinceMs: putBeforeMs, despiteLosses: options.despiteLosses };
  let collection = 0;
  try {
    // Before the first reference is read: whatever is written from now on is marked by the record itself.
    if (!options.dryRun) await garbage.watch(marks);
    for await (const aliveBlobs of markAlive(deps, marking)) yield { ...progress, aliveBlobs };
    progress.aliveBlobs = marks.count;
    if (options.dryRun) yield* foresee(deps, { marks, putBeforeMs, progress });
    else collection = yield* condemnRest(deps, marking, progress);
  } finally {
    if (!options.dryRun) await garbage.watch(undefined);
  }
  if (options.dryRun) return;
  yield* deleteCondemned(deps, progress);
  // What is given up first is an object no more that could still be completed.
  yield* counted(progress, abortIdle(deps, { idleSinceMs: putBeforeMs, dryRun: false }));
  yield* counted(progress, deleteObjects(deps, putBeforeMs));
  const { deadBlobs, deadBytes, deletedObjects, deletedBytes } = progress;
  await garbage.endCollection(collection, { deadBlobs, deadBytes, deletedObjects, deletedBytes }, deps.now());
}

async function* counted(
  progress: CollectionProgress,
  steps: AsyncIterable<DeletedObjects>,
): AsyncGenerator<CollectionProgress, void, undefined> {
  const before = { ...progress };
  for await (const { objects, bytes } of steps) {
    progress.step = "deleting-objects";
    progress.deletedObjects = before.deletedObjects + objects;
    progress.deletedBytes = before.deletedBytes + bytes;
    yield { ...progress };
  }
}

/** Notes what is not marked, and makes it so that nobody sees it any more. The number of the collection. */
async function* condemnRest(
  deps: DeleteDeps,
  marking: MarkOptions,
  progress: CollectionProgress,
): AsyncGenerator<CollectionProgress, number, undefined> {
  const { garbage } = deps.store;
  const { marks } = marking;
  progress.step = "noting";
  const collection = await garbage.beginCollection(deps.now());
  marks.watchLate();
  for (let afterId = 0; ;) {
    const { lastId } = await garbage.noteDead(collection, { marks, afterId, limit: ROWS });
    yield { ...progress };
    if (lastId === undefined) break;
    afterId = lastId;
  }
  while (!(await garbage.condemn(collection, marks, deps.now()))) {
    // Somebody named something that had been dead: it lives again, with all below it.
    for await (const aliveBlobs of walkMarked(deps, marking)) yield { ...progress, aliveBlobs };
    while (await garbage.takeBack(collection, marks)) yield { ...progress };
  }
  progress.aliveBlobs = marks.count;
  yield { ...progress };
  return collection;
}

async function* deleteCondemned(
  { store }: DeleteDeps,
  progress: CollectionProgress,
): AsyncGenerator<CollectionProgress, void, undefined> {
  progress.step = "deleting-blobs";
  for (;;) {
    const { blobs, bytes } = await store.garbage.deleteCondemned(ROWS);
    if (blobs === 0) return;
    progress.deadBlobs += blobs;
    progress.deadBytes += bytes;
    yield { ...progress };
  }
}

async function dropOutputs({ store, now }: DeleteDeps, { keepArchivedOutputsMs }: CollectOptions): Promise<number> {
  if (keepArchivedOutputsMs === undefined) return 0;
  const request = { archivedBeforeMs: now() - keepArchivedOutputsMs, nowMs: now(), limit: ROWS };
  let dropped = 0;
  for (let more = 1; more > 0; dropped += more) more = await store.garbage.dropOutputs(request);
  return dropped;
}

/** Counts what a collection would delete, and deletes nothing. */
async function* foresee(
  deps: DeleteDeps,
  { marks, putBeforeMs, progress }: { marks: Marks; putBeforeMs: number; progress: CollectionProgress },
): AsyncGenerator<CollectionProgress, void, undefined> {
  const { objects } = deps;
  const { garbage } = deps.store;
  progress.step = "noting";
  for (let afterId = 0; ;) {
    const page = await garbage.listBlobs({ afterId, limit: ROWS });
    const dead = page.filter(({ id }) => !marks.has(id));
    progress.deadBlobs += dead.length;
    progress.deadBytes += dead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    yield { ...progress };
    const last = page.at(-1);
    if (last === undefined) break;
    afterId = last.id;
  }
  progress.step = "deleting-objects";
  yield* counted(progress, abortIdle(deps, { idleSinceMs: putBeforeMs, dryRun: true }));
  for await (const { key, sizeBytes, modifiedAtMs } of objects.list(PACK_PREFIX)) {
    if (modifiedAtMs >= putBeforeMs) continue;
    const blobs = await garbage.listObjectBlobs(key);
    if (blobs.some(({ id }) => marks.has(id))) continue;
    progress.deletedObjects += 1;
    progress.deletedBytes += sizeBytes;
    yield { ...progress };
  }
  yield { ...progress };
}
