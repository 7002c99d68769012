/** Work that fills the disk: done again, once, when the disk was full and something could leave the cache. */
import { SpellError } from "@spell/domain";
import type { CacheSpace } from "./cache-space.ts";
import { diskError } from "./disk.ts";
import { quoted } from "./entry.ts";

/** What the work gives. Throws what it throws, with failures of the disk as `disk-full` or `disk-error`. */
export async function withRoom<T>(
  { space, directory }: { space: CacheSpace; directory: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problem = diskError(error, directory);
    if (!isDiskFull(problem)) throw problem;
    await space.makeRoomOnDisk();
  }
  try {
    return await work();
  } catch (error) {
    throw fullInSpiteOfAll(diskError(error, directory), directory);
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof SpellError && error.reason === "disk-full";
}

function fullInSpiteOfAll(error: unknown, directory: string): unknown {
  if (!isDiskFull(error)) return error;
  const message =
    `There is no space left on the disk of ${quoted(directory)}, also after the cache there was made smaller. ` +
    "Free some there, or give the agent a data folder on a larger disk.";
  return new SpellError("exhausted", message, { reason: "disk-full", cause: error });
}
