/** What makes the next upload of a folder cheap, in the user's cache as the XDG rules place it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { openSnapshotIndex, openUploadJournal } from "@spell/spellfs";
import type { SnapshotIndex, UploadJournal } from "@spell/spellfs";
import { environment } from "../config.ts";

/** The index of a folder (absolute path). */
export function openIndex(folder: string): SnapshotIndex {
  return openSnapshotIndex({ indexes: cacheFolder("snapshots"), folder });
}

/** What uploads of this file or folder (absolute path) to this coordinator have put and not committed. */
export function openJournal(coordinator: string, folder: string): UploadJournal {
  return openUploadJournal({ journals: cacheFolder("uploads"), coordinator, folder });
}

function cacheFolder(name: string): string {
  return join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "spell", name);
}
