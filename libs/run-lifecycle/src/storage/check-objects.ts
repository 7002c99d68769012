/** The first part of a check of the store: every object that holds blobs is there, and long enough. */
import type { Digest } from "@spell/domain";
import type { ObjectInfo, ObjectStore } from "@spell/object-store";
import type { ObjectUse, RunStore } from "@spell/run-store";
import pLimit from "p-limit";
import { PACK_PREFIX } from "../check-put.ts";
import { footerProblem } from "./check-footer.ts";

export interface CheckDeps {
  store: RunStore;
  objects: ObjectStore;
}

/** Blobs that are lost, and why, as the end of a sentence. */
export type Broken = Map<Digest, string>;

const PAGE = 500;
const FOOTERS_AT_ONCE = 8;

/** Notes the blobs of objects that are not there or too short, and footers that are wrong; gives how many objects were looked at. */
export async function* checkObjects(
  deps: CheckDeps,
  { broken, notes }: { broken: Broken; notes: string[] },
): AsyncGenerator<number, void, undefined> {
  const limit = pLimit(FOOTERS_AT_ONCE);
  const listed = deps.objects.list(PACK_PREFIX)[Symbol.asyncIterator]();
  let next = await listed.next();
  let checked = 0;
  for (let after = ""; ;) {
    const page = await deps.store.garbage.listObjectUses({ after, limit: PAGE });
    const whole: { use: ObjectUse; sizeBytes: number }[] = [];
    for (const use of page) {
      // Both are in order of their keys.
      while (next.done !== true && next.value.key < use.objectKey) next = await listed.next();
      const found = next.done !== true && next.value.key === use.objectKey ? next.value : undefined;
      if (found === undefined || found.sizeBytes < use.endBytes) await lookAgain(deps, broken, use);
      else whole.push({ use, sizeBytes: found.sizeBytes });
    }
    const problems = whole.map(({ use, sizeBytes }) => limit(() => footerProblem(deps, use, sizeBytes)));
    for (const problem of await Promise.all(problems)) if (problem !== undefined) notes.push(problem);
    checked += page.length;
    yield checked;
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.objectKey;
  }
  await listed.return?.(undefined);
}

/** It may have been put after the list had passed its key. */
async function lookAgain({ store, objects }: CheckDeps, broken: Broken, { objectKey }: ObjectUse): Promise<void> {
  const found: ObjectInfo | undefined = await objects.find(objectKey);
  for (const { digest, offset, sizeBytes } of await store.garbage.listObjectBlobs(objectKey)) {
    if (found !== undefined && offset + sizeBytes <= found.sizeBytes) continue;
    const why = found === undefined ? "is gone" : `is cut off after ${found.sizeBytes} bytes`;
    broken.set(digest, `the object that holds it (${objectKey}) ${why}`);
  }
}
