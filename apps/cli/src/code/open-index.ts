/** Where the indexes lie that make the next snapshot of a folder cheap. */
import { homedir } from "node:os";
import { join } from "node:path";
import { openSnapshotIndex } from "@spell/spellfs";
import type { SnapshotIndex } from "@spell/spellfs";
import { environment } from "../config.ts";

/** The index of a folder (absolute path) in the user's cache, as the XDG rules place it. */
export function openIndex(folder: string): SnapshotIndex {
  const cache = environment["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return openSnapshotIndex({ indexes: join(cache, "spell", "snapshots"), folder });
}
