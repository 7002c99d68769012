/** What takes the space: bytes by run, project, upload, code and model, of their own and shared, and what nobody uses. */
import type { ObjectStore } from "@spell/object-store";
import type { RunStore, TreeReference } from "@spell/run-store";
import { REFERENCE_SOURCES } from "@spell/run-store";
import { parseResourcePath } from "@spell/domain";
import { PACK_PREFIX } from "../check-put.ts";
import type { TreeCatalog } from "../tree-catalog.ts";
import { Attribution } from "./attribution.ts";
import { unfinishedBytes } from "./idle-multiparts.ts";
import { nameOfReference } from "./reference-names.ts";

export interface MeasureDeps {
  store: RunStore;
  objects: ObjectStore;
  trees: TreeCatalog;
  /** Trees that nothing names and that were committed before are dead. */
  committedSinceMs: number;
}

export type ItemKind = "run" | "project" | "upload" | "code" | "model" | "mount" | "unnamed";

/** What one thing takes. */
export interface StoreItem {
  kind: ItemKind;
  owner: string;
  name: string;
  /** Bytes that only this uses: what its removal would free. */
  ownBytes: number;
  /** Bytes that others of its kind or of another use as well. */
  sharedBytes: number;
}

export interface StoreTotals {
  objects: number;
  /** All objects together. */
  storedBytes: number;
  /** Blobs that something uses, each once. */
  usedBytes: number;
  /** Blobs that nothing uses and that are still recorded. */
  deadBytes: number;
  /** Parts of objects that hold no blob any more. */
  wasteBytes: number;
  /** Objects that hold no blob: put and not committed, or about to be deleted; and parts of those in the making. */
  uncommittedBytes: number;
}

export interface Measured {
  items: StoreItem[];
  totals: StoreTotals;
}

const PAGE = 200;

/** Gives how many blobs were looked at; returns the outcome. */
export async function* measureStore(deps: MeasureDeps): AsyncGenerator<number, Measured, undefined> {
  const { committedSinceMs } = deps;
  const lastId = await deps.store.garbage.lastBlobId();
  const items = new Attribution(deps, lastId);
  const projects = new Attribution(deps, lastId);
  const owners = new Set<string>();
  for (const source of REFERENCE_SOURCES) {
    let after: string | undefined;
    do {
      const page = await deps.store.garbage.listReferences(source, { after, limit: PAGE, committedSinceMs });
      for (const reference of page.references) {
        const { owner, projectId } = reference;
        owners.add(owner);
        items.add(keyOf(reference), reference);
        if (reference.source === "run-output" && projectId !== undefined) {
          projects.add({ kind: "project", owner, name: String(projectId) }, reference);
        }
      }
      yield 0;
      after = page.next;
    } while (after !== undefined);
  }
  yield* items.count();
  yield* projects.count();
  const found = [...items.items(), ...(await withNames(deps, projects.items())), ...(await modelItems(deps, owners))];
  const bySize = (a: StoreItem, b: StoreItem): number =>
    b.ownBytes - a.ownBytes || b.sharedBytes - a.sharedBytes || (a.name < b.name ? -1 : 1);
  return { items: found.sort(bySize), totals: await totalsOf(deps, items) };
}

function keyOf(reference: TreeReference): Pick<StoreItem, "kind" | "owner" | "name"> {
  const { owner, source, codeRoot } = reference;
  switch (source) {
    case "run-output":
      return { kind: "run", owner, name: nameOfReference(reference) };
    case "uploads":
      return { kind: "upload", owner, name: nameOfReference(reference) };
    case "run-mount":
      return { kind: "mount", owner, name: nameOfReference(reference) };
    case "run-code":
    case "workflows":
    case "searches":
    case "commits":
      return { kind: "code", owner, name: codeRoot ?? nameOfReference(reference) };
    case "held":
    case "recent":
      return { kind: "unnamed", owner: "", name: "stored and not named yet" };
  }
}

async function withNames({ store }: MeasureDeps, projects: readonly StoreItem[]): Promise<StoreItem[]> {
  return Promise.all(
    projects.map(async (item) => {
      const project = await store.projects.find({ owner: item.owner, id: Number(item.name) }, 0);
      return { ...item, name: project?.name ?? item.name };
    }),
  );
}

/** Versions of models: parts of runs and uploads, so nothing is their own. */
async function modelItems(deps: MeasureDeps, owners: ReadonlySet<string>): Promise<StoreItem[]> {
  const items: StoreItem[] = [];
  for (const owner of owners) {
    for (const { name, versions } of owner === "" ? [] : await deps.store.models.listModels(owner)) {
      for (const { version, resource } of versions) {
        const sharedBytes = await bytesAt(deps, owner, resource);
        items.push({ kind: "model", owner, name: `${name}:${version}`, ownBytes: 0, sharedBytes });
      }
    }
  }
  return items;
}

async function bytesAt({ store, trees }: MeasureDeps, owner: string, resource: string): Promise<number> {
  const path = parseResourcePath(resource);
  const root =
    path.kind === "run"
      ? (await store.findRun(path.runId))?.outputTree
      : path.kind === "upload"
        ? (await store.uploads.findUpload(owner, path.name))?.tree
        : undefined;
  if (root === undefined || (path.kind !== "run" && path.kind !== "upload")) return 0;
  const entry = (await trees.follow(root, path.path))?.entry;
  if (entry === undefined || entry.kind === "symlink") return 0;
  return entry.kind === "file" ? entry.sizeBytes : (await trees.measure(entry.digest)).totalBytes;
}

async function totalsOf({ store, objects }: MeasureDeps, used: Attribution): Promise<StoreTotals> {
  let [count, storedBytes, heldBytes, recordedBytes] = [0, 0, 0, 0];
  const uses = objectUses(store);
  let next = await uses.next();
  for await (const { key, sizeBytes } of objects.list(PACK_PREFIX)) {
    count += 1;
    storedBytes += sizeBytes;
    // Both are in order of their keys.
    while (next.done !== true && next.value.objectKey < key) next = await uses.next();
    if (next.done === true || next.value.objectKey !== key) continue;
    heldBytes += sizeBytes;
    recordedBytes += next.value.blobBytes;
  }
  const { usedBytes } = used;
  const partBytes = await unfinishedBytes({ store, objects });
  return {
    ...{ objects: count, storedBytes: storedBytes + partBytes, usedBytes },
    deadBytes: Math.max(0, recordedBytes - usedBytes),
    wasteBytes: heldBytes - recordedBytes,
    uncommittedBytes: storedBytes - heldBytes + partBytes,
  };
}

async function* objectUses(store: RunStore): AsyncGenerator<{ objectKey: string; blobBytes: number }, void, undefined> {
  for (let after = ""; ;) {
    const page = await store.garbage.listObjectUses({ after, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.objectKey;
  }
}
