/** Walks the folders of the store in key order. */
import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { keyOfName } from "../object-key.ts";
import type { ObjectInfo } from "../object-store.ts";
import { errnoOf } from "./file-errors.ts";

/** Every object below `root` whose key starts with the (checked) prefix. Objects deleted meanwhile are left out. */
export async function* listObjects(root: string, prefix: string): AsyncGenerator<ObjectInfo> {
  const cut = prefix.lastIndexOf("/") + 1;
  yield* walk(root, prefix.slice(0, cut), prefix.slice(cut));
}

async function* walk(root: string, folder: string, start: string): AsyncGenerator<ObjectInfo> {
  for (const name of sortedNames(await entriesOf(join(root, folder)), start)) {
    if (name.endsWith("/")) {
      yield* walk(root, folder + name, "");
      continue;
    }
    const key = keyOfName(folder + name);
    if (key === undefined) continue;
    const found = await unlessAbsent(stat(join(root, folder + name)));
    if (found !== undefined) yield objectInfo(key, found);
  }
}

/** An object as its file tells. A put makes a new file, so the time is that of the last put. */
export function objectInfo(key: string, { size, mtimeMs }: Stats): ObjectInfo {
  return { key, sizeBytes: size, modifiedAtMs: Math.floor(mtimeMs) };
}

/** Folders get their slash before sorting: then names sort as the keys below them do. */
function sortedNames(entries: readonly Dirent[], start: string): string[] {
  return entries
    .filter((entry) => entry.name.startsWith(start))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return (await unlessAbsent(readdir(folder, { withFileTypes: true }))) ?? [];
}

/** The result, or undefined when the file or folder does not exist. */
export async function unlessAbsent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
