/** Folders whose entries survive a power cut: made, and flushed to disk, exactly as often as needed. */
import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errnoOf } from "./file-errors.ts";

/** Bound on remembered folders; forgetting one costs a few needless flushes. */
const MAX_REMEMBERED = 10_000;

export interface DurableFolders {
  /** Makes the folder and those above it, up to the root, such that they survive a power cut. */
  ensure(folder: string): Promise<void>;
  /** Flushes the folder's entries. Calls that wait at the same time share one flush. */
  sync(folder: string): Promise<void>;
}

/** Keeps the folders below a root that exists. */
export function createDurableFolders(root: string): DurableFolders {
  // Known to be on disk. Another put may have made a folder without having flushed it yet, so existing is not enough.
  const durable = new Set<string>([root]);
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();

  const ensure = async (folder: string): Promise<void> => {
    if (durable.has(folder)) return;
    const parent = dirname(folder);
    await ensure(parent);
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw error;
    });
    await sync(parent);
    if (durable.size > MAX_REMEMBERED) durable.clear();
    durable.add(root).add(folder);
  };

  const sync = (folder: string): Promise<void> => {
    // A flush that already runs may have begun before our entry was there: join the next one.
    const next = waiting.get(folder);
    if (next !== undefined) return next;
    const current = running.get(folder);
    if (current === undefined) return start(folder);
    const promise = current.then(noop, noop).then(() => {
      waiting.delete(folder);
      return start(folder);
    });
    waiting.set(folder, promise);
    return promise;
  };

  const start = (folder: string): Promise<void> => {
    const promise = flushFolder(folder).finally(() => running.delete(folder));
    running.set(folder, promise);
    return promise;
  };

  return { ensure, sync };
}

/** Makes a folder with all those above it that are missing, such that they survive a power cut. */
export async function makeDurable(folder: string): Promise<void> {
  const path = resolve(folder);
  const firstMade = await mkdir(path, { recursive: true, mode: 0o700 });
  if (firstMade === undefined) return;
  const top = dirname(firstMade);
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    await flushFolder(parent);
    if (parent === top || parent === dirname(parent)) return;
  }
}

function noop(): void {}

/** Flushes the folder's entries. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
