/** The walk of a snapshot: what its parts share. */
import { hasCode, invalidInput } from "@spell/domain";
import type { SpellError } from "@spell/domain";
import type { Stats } from "node:fs";
import type pLimit from "p-limit";
import { quoted } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";
import type { FolderReader } from "./folder-reader.ts";
import { IGNORE_FILE } from "./ignore-rules.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import type { Snapshot } from "./snapshot.ts";
import type { FolderIndex, SnapshotIndex } from "./snapshot-index.ts";

export interface Walk {
  directory: string;
  excluded: ReadonlySet<string>;
  index: SnapshotIndex | undefined;
  onProgress: ((progress: { fileCount: number; totalBytes: number }) => void) | undefined;
  signal: AbortSignal | undefined;
  snapshot: Snapshot;
  limit: ReturnType<typeof pLimit>;
  turnStartedMs: number;
}

/** The folder being walked. */
export interface Place {
  folder: FolderReader;
  /** Relative to the snapshot's directory; "" for the top. */
  path: string;
  depth: number;
  rules: IgnoreRules;
  /** What git lists here; undefined: git is not asked, everything counts. */
  listed: ListedFolder | undefined;
  /** The work tree that lists it. */
  repository: Repository | undefined;
}

export interface Repository {
  /** Relative to the snapshot's directory. */
  path: string;
  /** Asked for once a file needs it. */
  gitDir?: Promise<string>;
}

export type ListedFolder = Map<string, Listed>;
/** A name that git listed itself, or below which it listed something, or both when one became the other. */
export interface Listed {
  itself: boolean;
  below: ListedFolder | undefined;
}

export interface OpenFolder {
  place: Place;
  index: FolderIndex | undefined;
  entries: TreeEntry[];
  /** Files being hashed meanwhile. */
  pending: Promise<void>[];
}

export interface Found extends OpenFolder {
  name: string;
  /** Relative to the snapshot's directory. */
  path: string;
  stats: Stats;
}

/** A file that was deleted since the folder was listed is as good as one deleted before. */
export function unlessGone<T>(action: () => T): T | "gone" {
  try {
    return action();
  } catch (error) {
    passOverGone(error);
    return "gone";
  }
}

export function passOverGone(error: unknown): void {
  if (!hasCode(error, "not-found")) throw error;
}

export function refuse(path: string, why: string): SpellError {
  return invalidInput(`${quoted(path)} cannot be sent: ${why}. Change it, or name it in ${IGNORE_FILE}.`, "bad-path");
}
