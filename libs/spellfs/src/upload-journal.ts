/**
 * Objects that an upload has put and not committed yet, in a file of the user's: when the upload breaks off, the next one commits them
 * instead of sending their bytes again. A hint like the index of a snapshot: damaged, lost or not writable, it costs time alone.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDigest } from "@spell/domain";
import type { BlobPlace, StoredObject } from "./transport.ts";

/** The store keeps what was put and not committed for a day; after this time nobody should count on it. */
const KEPT_MS = 20 * 60 * 60 * 1000;

export interface UploadJournal {
  /** What earlier uploads have put, as far as it may still be there. */
  objects(): StoredObject[];
  /** An object was put. */
  add(object: StoredObject): void;
  /** All of it is committed, or the store has it no more. */
  clear(): void;
}

/** The journal of uploads of one folder (absolute path) to one coordinator, among those in `journals`. */
export function openUploadJournal(given: { journals: string; coordinator: string; folder: string }): UploadJournal {
  const { journals, coordinator, folder } = given;
  const file = join(journals, sha256(`${coordinator}\n${folder}`));
  return {
    objects: () => read(file),
    add(object) {
      const json = JSON.stringify(object);
      try {
        mkdirSync(journals, { recursive: true, mode: 0o700 });
        // A line that was cut off or damaged does not fit its digest: a wrong place must never be committed.
        appendFileSync(file, `${sha256(json)} ${json}\n`, { mode: 0o600 });
      } catch {
        // Then the next upload sends it again.
      }
    },
    clear() {
      try {
        rmSync(file, { force: true });
      } catch {
        // The coordinator refuses what is not there, and then everything is sent again.
      }
    },
  };
}

function read(file: string): StoredObject[] {
  try {
    if (statSync(file).mtimeMs < Date.now() - KEPT_MS) return [];
    return readFileSync(file, "utf8").split("\n").flatMap(parse);
  } catch {
    return [];
  }
}

function parse(line: string): StoredObject[] {
  const [digest, json = ""] = [line.slice(0, 64), line.slice(65)];
  if (sha256(json) !== digest) return [];
  const object: unknown = JSON.parse(json);
  return isStoredObject(object) ? [object] : [];
}

function isStoredObject(value: unknown): value is StoredObject {
  const { objectKey, sizeBytes, blobs } = (value ?? {}) as Partial<StoredObject>;
  return (
    typeof objectKey === "string" && typeof sizeBytes === "number" && Array.isArray(blobs) && blobs.every(isBlobPlace)
  );
}

function isBlobPlace(value: unknown): value is BlobPlace {
  const { digest, offset, sizeBytes } = (value ?? {}) as Partial<BlobPlace>;
  return isDigest(String(digest)) && typeof offset === "number" && typeof sizeBytes === "number";
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
