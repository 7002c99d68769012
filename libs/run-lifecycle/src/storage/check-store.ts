/** Checks that whatever the record names is in the store, whole; on demand by reading every byte. Changes nothing. */
import type { RunStore } from "@spell/run-store";
import { Marks } from "@spell/run-store";
import { checkData } from "./check-data.ts";
import { checkObjects } from "./check-objects.ts";
import type { Broken, CheckDeps } from "./check-objects.ts";
import { checkTrees } from "./check-trees.ts";
import { nameLosses } from "./name-losses.ts";
import type { Loss } from "./name-losses.ts";

export interface CheckProgress {
  step: "objects" | "trees" | "data" | "naming";
  checkedObjects: number;
  checkedBlobs: number;
  readBytes: number;
  /** Blobs that are lost. */
  lostBlobs: number;
  /** Set where one is named. */
  loss?: Loss;
}

/** Gives how far it is, and each loss once; the last one is the outcome. */
export async function* checkStore(
  deps: CheckDeps & { store: RunStore },
  { readData }: { readData: boolean },
): AsyncGenerator<CheckProgress, void, undefined> {
  const broken: Broken = new Map();
  const progress: CheckProgress = { step: "objects", checkedObjects: 0, checkedBlobs: 0, readBytes: 0, lostBlobs: 0 };
  // What comes while the check goes on is not looked at.
  const marks = new Marks(await deps.store.garbage.lastBlobId());
  for await (const checkedObjects of checkObjects(deps, broken)) {
    progress.checkedObjects = checkedObjects;
    yield { ...progress };
  }
  progress.step = "trees";
  for await (const checkedBlobs of checkTrees(deps, { marks, broken })) {
    progress.checkedBlobs = checkedBlobs;
    yield { ...progress };
  }
  progress.checkedBlobs = marks.count;
  if (readData) {
    progress.step = "data";
    for await (const readBytes of checkData(deps, { marks, broken })) {
      progress.readBytes = readBytes;
      yield { ...progress };
    }
  }
  progress.step = "naming";
  if (broken.size > 0) {
    const lost = new Set<string>();
    for await (const loss of nameLosses(deps, broken)) {
      lost.add(loss.digest);
      progress.lostBlobs = lost.size;
      yield { ...progress, loss };
    }
  }
  yield { ...progress };
}
