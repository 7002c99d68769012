/** A part of a collection: objects in the making that nobody goes on with are given up. */
import { hasCode } from "@spell/domain";
import type { Multipart, MultipartInfo, ObjectStore } from "@spell/object-store";
import type { MultipartRecord, RunStore } from "@spell/run-store";
import { PACK_PREFIX } from "../check-put.ts";
import type { DeletedObjects } from "./delete-objects.ts";

export interface MultipartDeps {
  store: Pick<RunStore, "multiparts">;
  objects: ObjectStore;
}

type Unfinished = Pick<Multipart, "key" | "uploadId">;

const PAGE = 200;

/**
 * Gives up what was not used since then: what the record knows, and what the store alone knows. Each is ended in the store first, so
 * that a kill in between leaves nothing that is not found again. Gives after each piece of work what was given up so far.
 */
export async function* abortIdle(
  { store, objects }: MultipartDeps,
  { idleSinceMs, dryRun }: { idleSinceMs: number; dryRun: boolean },
): AsyncGenerator<DeletedObjects, void, undefined> {
  const sum: DeletedObjects = { objects: 0, bytes: 0 };
  const giveUp = async (unfinished: Unfinished): Promise<void> => {
    const bytes = await partBytes(objects, unfinished);
    if (!dryRun) await objects.abortMultipart(unfinished);
    if (bytes === undefined) return;
    sum.objects += 1;
    sum.bytes += bytes;
  };
  for await (const record of listRecords(store, idleSinceMs)) {
    for (const unfinished of await namesOf(objects, record)) await giveUp(unfinished);
    if (!dryRun) await store.multiparts.remove(record.objectKey);
    yield { ...sum };
  }
  for await (const found of objects.listMultiparts(PACK_PREFIX)) {
    const record = await store.multiparts.find(found.key);
    if (found.startedAtMs >= idleSinceMs || record?.uploadId === found.uploadId) continue;
    await giveUp(found);
    yield { ...sum };
  }
}

/** Bytes of all objects in the making. */
export async function unfinishedBytes({ store, objects }: MultipartDeps): Promise<number> {
  let sum = 0;
  for await (const { objectKey, uploadId } of listRecords(store)) {
    if (uploadId !== undefined) sum += (await partBytes(objects, { key: objectKey, uploadId })) ?? 0;
  }
  return sum;
}

/** Bytes of its parts; undefined when it has ended. */
async function partBytes(objects: ObjectStore, unfinished: Unfinished): Promise<number | undefined> {
  try {
    return (await objects.listParts(unfinished)).reduce((bytes, part) => bytes + part.sizeBytes, 0);
  } catch (error) {
    if (hasCode(error, "not-found")) return undefined;
    throw error;
  }
}

/** A process that ended before it had written down the store's name for it leaves the key: the store knows the rest. */
async function namesOf(objects: ObjectStore, { objectKey, uploadId }: MultipartRecord): Promise<Unfinished[]> {
  if (uploadId !== undefined) return [{ key: objectKey, uploadId }];
  const found: MultipartInfo[] = [];
  for await (const unfinished of objects.listMultiparts(objectKey)) found.push(unfinished);
  return found;
}

async function* listRecords(
  { multiparts }: MultipartDeps["store"],
  idleSinceMs?: number,
): AsyncGenerator<MultipartRecord, void, undefined> {
  for (let after = ""; ;) {
    const page = await multiparts.list({ after, limit: PAGE, idleSinceMs });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.objectKey;
  }
}
