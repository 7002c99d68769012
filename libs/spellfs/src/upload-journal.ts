/**
 * Objects that an upload has put and not committed yet, in a file of the user's: when the upload breaks off, the next one commits them
 * instead of sending their bytes again. A hint like the index of a snapshot: damaged, lost or not writable, it costs time alone.
 */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";
import type { BlobPlace, PartTag, StoredObject } from "./transport.ts";

/** The store keeps what was put and not committed for a day; after this time nobody should count on it. */
const KEPT_MS = 20 * 60 * 60 * 1000;

/** A part that was put, of bytes whose hash from the file's beginning to the part's end was this. */
export interface JournaledPart extends PartTag {
  objectKey: string;
  prefix: string;
}

/** A large blob that is being put in parts. */
export interface StartedMultipart {
  digest: Digest;
  objectKey: string;
  sizeBytes: number;
  partBytes: number;
}

export interface UploadJournal {
  /** What earlier uploads have put, as far as it may still be there. */
  objects(): StoredObject[];
  /** An object was put. */
  add(object: StoredObject): void;
  /** What was begun last for this blob, with its parts. */
  multipart(digest: Digest): (StartedMultipart & { parts: JournaledPart[] }) | undefined;
  addMultipart(multipart: StartedMultipart): void;
  addPart(part: JournaledPart): void;
  /** All of it is committed, or the store has it no more. */
  clear(): void;
}

/** The journal of uploads of one folder (absolute path) to one coordinator, among those in `journals`. */
export function openUploadJournal(given: { journals: string; coordinator: string; folder: string }): UploadJournal {
  const { journals, coordinator, folder } = given;
  const file = join(journals, sha256(`${coordinator}\n${folder}`));
  const add = (entry: StoredObject | StartedMultipart | JournaledPart): void => {
    const json = JSON.stringify(entry);
    try {
      mkdirSync(journals, { recursive: true, mode: 0o700 });
      // A line that was cut off or damaged does not fit its digest: a wrong place must never be committed.
      appendFileSync(file, `${sha256(json)} ${json}\n`, { mode: 0o600 });
    } catch {
      // Then the next upload sends it again.
    }
  };
  return {
    objects: () => read(file).filter(isStoredObject),
    add,
    multipart(digest) {
      const entries = read(file);
      const started = entries.filter(isStartedMultipart).findLast((each) => each.digest === digest);
      if (started === undefined) return undefined;
      const parts = entries.filter(isJournaledPart).filter(({ objectKey }) => objectKey === started.objectKey);
      return { ...started, parts };
    },
    addMultipart: ({ digest, objectKey, sizeBytes, partBytes }) => add({ digest, objectKey, sizeBytes, partBytes }),
    addPart: add,
    clear() {
      try {
        rmSync(file, { force: true });
      } catch {
        // The coordinator refuses what is not there, and then everything is sent again.
      }
    },
  };
}

function read(file: string): unknown[] {
  try {
    if (statSync(file).mtimeMs < Date.now() - KEPT_MS) return [];
    return readFileSync(file, "utf8").split("\n").flatMap(parse);
  } catch {
    return [];
  }
}

function parse(line: string): unknown[] {
  const [digest, json = ""] = [line.slice(0, 64), line.slice(65)];
  if (sha256(json) !== digest) return [];
  return [JSON.parse(json)];
}

function isStartedMultipart(value: unknown): value is StartedMultipart {
  const { digest, objectKey, sizeBytes, partBytes } = (value ?? {}) as Partial<StartedMultipart>;
  const isSized = Number.isSafeInteger(sizeBytes) && Number.isSafeInteger(partBytes) && Number(partBytes) > 0;
  return isDigest(String(digest)) && typeof objectKey === "string" && isSized;
}

function isJournaledPart(value: unknown): value is JournaledPart {
  const { objectKey, number, etag, prefix } = (value ?? {}) as Partial<JournaledPart>;
  return [objectKey, etag, prefix].every((text) => typeof text === "string") && typeof number === "number";
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
