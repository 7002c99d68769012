/** Which keys exist, and under which name a driver keeps them: one rule for every driver. */
import { invalidInput } from "@spell/domain";

/** Longest key, in characters (keys are ASCII). */
export const MAX_KEY_LENGTH = 512;

/** Longest part between slashes: leaves room for the mark below in the 255 bytes that file systems allow. */
export const MAX_KEY_PART_LENGTH = 200;

/**
 * Drivers append this to a key to get the name they store it under. With it `a` and `a/b` can both exist in a file
 * system, and MinIO lists the second (it hides what lies below an object); names never look like numbers to an XML
 * parser; and because it sorts before every character of a key, names sort exactly as their keys do.
 */
const NAME_MARK = "!";

const PART = /^[A-Za-z0-9._-]+$/;

/** Throws invalid-input (reason `bad-key`) unless the key is one that ObjectStore allows. */
export function checkKey(key: string): void {
  const why = whyNoKey(key);
  if (why !== undefined) throw badKey(key, why);
}

/** Throws invalid-input (reason `bad-key`) for a prefix that no key can start with; empty is fine. */
export function checkPrefix(prefix: string): void {
  // What stands after the last slash may be empty.
  const why = prefix === "" ? undefined : whyNoKey(prefix.replace(/\/$/, ""));
  if (why !== undefined) throw badKey(prefix, why);
}

/** The name a driver stores the key under. */
export function nameOfKey(key: string): string {
  return key + NAME_MARK;
}

/** The key of a stored name; undefined for a name that no driver made. */
export function keyOfName(name: string): string | undefined {
  if (!name.endsWith(NAME_MARK)) return undefined;
  const key = name.slice(0, -NAME_MARK.length);
  return whyNoKey(key) === undefined ? key : undefined;
}

function whyNoKey(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.length > MAX_KEY_LENGTH) return `it is longer than ${MAX_KEY_LENGTH} characters`;
  for (const part of text.split("/")) {
    if (part === "") return "it has an empty part";
    if (part === "." || part === "..") return `it has the part "${part}"`;
    if (!PART.test(part)) return "a character other than letters, digits, '.', '_', '-' and '/' is in it";
    if (part.length > MAX_KEY_PART_LENGTH) return `a part of it is longer than ${MAX_KEY_PART_LENGTH} characters`;
  }
  return undefined;
}

function badKey(key: string, why: string): ReturnType<typeof invalidInput> {
  const shown = key.length > 80 ? `${key.slice(0, 80)}…` : key;
  return invalidInput(`${JSON.stringify(shown)} is not a key of the object store: ${why}.`, "bad-key");
}
