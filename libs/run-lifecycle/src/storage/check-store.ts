/**
 * Checks that whatever the record names is in the store, whole; on demand by reading every byte. Changes nothing, unless it is to
 * repair: then what is lost is stored again from agents' caches.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "@spell/domain";
import type { NumberedBlob } from "@spell/run-store";
import { Marks } from "@spell/run-store";
import { checkData } from "./check-data.ts";
import { checkObjects } from "./check-objects.ts";
import type { Broken, CheckDeps } from "./check-objects.ts";
import { checkTrees } from "./check-trees.ts";
import { nameLosses, nameRepaired } from "./name-losses.ts";
import type { Loss, Repaired } from "./name-losses.ts";
import type { RepairBlobs } from "./repair-blobs.ts";

export interface CheckProgress {
  step: "objects" | "trees" | "data" | "repairing" | "naming";
  checkedObjects: number;
  checkedBlobs: number;
  readBytes: number;
  /** Blobs that are lost to somebody. */
  lostBlobs: number;
  /** Blobs that were lost and are stored again. */
  repairedBlobs: number;
  repairedBytes: number;
  /** Set where one is named. */
  loss?: Loss;
  /** A pack that could not be read without the record, or what an agent could not do: as sentences. */
  note?: string;
}

export interface CheckOptions {
  readData: boolean;
  /** Stores again what is lost. Default: it is only named. */
  repair?: RepairBlobs;
}

/** Gives how far it is, and each loss once; the last one is the outcome. */
export async function* checkStore(
  deps: CheckDeps,
  { readData, repair }: CheckOptions,
): AsyncGenerator<CheckProgress, void, undefined> {
  const progress: CheckProgress = {
    ...{ step: "objects", checkedObjects: 0, checkedBlobs: 0, readBytes: 0, lostBlobs: 0 },
    ...{ repairedBlobs: 0, repairedBytes: 0 },
  };
  const checking: Checking = { deps, progress, broken: new Map(), repaired: new Map() };
  const { broken, repaired } = checking;
  // What comes while the check goes on is not looked at.
  const lastId = await deps.store.garbage.lastBlobId();
  const notes: string[] = [];
  for await (const checkedObjects of checkObjects(deps, { broken, notes })) {
    progress.checkedObjects = checkedObjects;
    for (const note of notes.splice(0)) yield { ...progress, note };
    yield { ...progress };
  }
  let marks: Marks;
  do {
    // Again once a folder was repaired: what lies below it can be seen only now.
    progress.step = "trees";
    marks = new Marks(lastId);
    for await (const checkedBlobs of checkTrees(deps, { marks, broken })) {
      progress.checkedBlobs = checkedBlobs;
      yield { ...progress };
    }
    progress.checkedBlobs = marks.count;
  } while (repair !== undefined && (yield* repairLost(checking, repair, marks)));
  if (readData) {
    progress.step = "data";
    for await (const readBytes of checkData(deps, { marks, broken })) {
      progress.readBytes = readBytes;
      yield { ...progress };
    }
    if (repair !== undefined) yield* repairLost(checking, repair, marks);
  }
  progress.step = "naming";
  const lost = new Set<Digest>();
  if (broken.size > 0) {
    for await (const loss of nameLosses(deps, broken, lost)) {
      progress.lostBlobs = lost.size;
      yield { ...progress, loss };
    }
    progress.lostBlobs = lost.size;
  }
  if (repaired.size > 0) for await (const loss of nameRepaired(deps, repaired)) yield { ...progress, loss };
  yield { ...progress };
}

const DIGESTS = 500;

interface Checking {
  deps: CheckDeps;
  progress: CheckProgress;
  broken: Broken;
  repaired: Repaired;
}

/** Repairs what it can of that which is in use; whether a folder is among it. */
async function* repairLost(
  { deps, progress, broken, repaired }: Checking,
  repair: RepairBlobs,
  marks: Marks,
): AsyncGenerator<CheckProgress, boolean, undefined> {
  const lost: NumberedBlob[] = [];
  const digests = [...broken.keys()];
  for (let start = 0; start < digests.length; start += DIGESTS) {
    for (const blob of await deps.store.garbage.findByDigest(digests.slice(start, start + DIGESTS))) {
      if (blob.id <= marks.lastId && marks.has(blob.id)) lost.push(blob);
    }
    await nextTurn();
  }
  progress.step = "repairing";
  const told = (): CheckProgress => {
    progress.repairedBlobs = repair.repaired.size;
    progress.repairedBytes = repair.repairedBytes;
    return { ...progress };
  };
  for await (const _ of repair.repair(lost)) yield told();
  for (const note of repair.takeNotes()) yield { ...told(), note };
  const done: NumberedBlob[] = lost.filter(({ digest }) => repair.repaired.has(digest));
  for (const { digest } of done) {
    repaired.set(digest, { why: broken.get(digest) ?? "", from: repair.repaired.get(digest) ?? "" });
    broken.delete(digest);
  }
  yield told();
  return done.some(({ isNode }) => isNode);
}
