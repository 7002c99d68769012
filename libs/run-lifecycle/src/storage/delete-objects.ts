/** The last part of a collection: objects in which no blob lies any more are deleted. */
import type { ObjectInfo, ObjectStore } from "@spell/object-store";
import type { RunStore } from "@spell/run-store";
import pLimit from "p-limit";
import { PACK_PREFIX } from "../check-put.ts";

export interface DeleteDeps {
  store: Pick<RunStore, "garbage" | "multiparts">;
  objects: ObjectStore;
  now: () => number;
}

export interface DeletedObjects {
  objects: number;
  bytes: number;
}

const PAGE = 200;
const DELETES_AT_ONCE = 8;
/** Longer than a URL for putting an object lives: after that nobody can put it once more. */
const KEY_LIFE_MS = 2 * 3_600_000;

/**
 * Deletes what was put before `putBeforeMs` and holds no blob. An object is written down as doomed first, in a transaction that
 * sees that no blob lies in it: from then on none can be recorded there, also when this process ends in between. Gives after each
 * piece of work what was deleted so far.
 */
export async function* deleteObjects(
  deps: DeleteDeps,
  putBeforeMs: number,
): AsyncGenerator<DeletedObjects, void, undefined> {
  yield* finishDoomed(deps);
  const sum: DeletedObjects = { objects: 0, bytes: 0 };
  let page: ObjectInfo[] = [];
  const flush = async (): Promise<void> => {
    const doomed = new Set(await deps.store.garbage.doom(keysOf(page), deps.now()));
    const going = page.filter(({ key }) => doomed.has(key));
    await deleteAll(deps.objects, keysOf(going));
    sum.objects += going.length;
    sum.bytes += going.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    page = [];
  };
  for await (const object of deps.objects.list(PACK_PREFIX)) {
    if (object.modifiedAtMs >= putBeforeMs) continue;
    page.push(object);
    if (page.length < PAGE) continue;
    await flush();
    yield { ...sum };
  }
  await flush();
  yield { ...sum };
}

/** Deletes again what was doomed before: nobody knows whether that came to its end. */
async function* finishDoomed({ store, objects, now }: DeleteDeps): AsyncGenerator<DeletedObjects, void, undefined> {
  const { garbage } = store;
  for (let after = ""; ;) {
    const page = await garbage.listDoomed({ after, limit: PAGE });
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.objectKey;
    await deleteAll(
      objects,
      page.map(({ objectKey }) => objectKey),
    );
    yield { objects: 0, bytes: 0 };
    const old = page.filter(({ doomedAtMs }) => doomedAtMs < now() - KEY_LIFE_MS);
    if (old.length > 0) await garbage.forgetDoomed(old.map(({ objectKey }) => objectKey));
  }
}

async function deleteAll(objects: ObjectStore, keys: readonly string[]): Promise<void> {
  const limit = pLimit(DELETES_AT_ONCE);
  await Promise.all(keys.map((key) => limit(() => objects.delete(key))));
}

function keysOf(objects: readonly ObjectInfo[]): string[] {
  return objects.map(({ key }) => key);
}
