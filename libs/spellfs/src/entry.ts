/** What a directory node lists, and the rules for names and links that hold everywhere a tree is made or read. */
import type { Digest } from "@spell/domain";

/** A file; its bytes are the blob of that digest. */
export interface FileEntry {
  kind: "file";
  name: string;
  sizeBytes: number;
  digest: Digest;
  executable: boolean;
}

/** A directory; the digest names its node. */
export interface DirectoryEntry {
  kind: "directory";
  name: string;
  digest: Digest;
}

/** A symbolic link; the target is relative to the folder that the link lies in. */
export interface SymlinkEntry {
  kind: "symlink";
  name: string;
  target: string;
}

/** One line of a directory node. */
export type TreeEntry = FileEntry | DirectoryEntry | SymlinkEntry;

/** Longest name, in UTF-8 bytes: what file systems take. */
export const MAX_NAME_BYTES = 255;
/** Longest link target, in UTF-8 bytes. */
export const MAX_TARGET_BYTES = 4096;
/** How many folders may lie inside each other. */
export const MAX_DEPTH = 256;

/** Why this cannot be the name of an entry, as the end of a sentence; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "a name may not be empty";
  if (name === "." || name === "..") return "a name may not be '.' or '..'";
  if (name.includes("/")) return "a name may not contain '/'";
  if (hasControlCharacter(name)) return "a name may not contain control characters such as newline or tab";
  if (!name.isWellFormed()) return "a name must be valid UTF-8";
  // A unit of a string is three bytes at most.
  if (name.length * 3 > MAX_NAME_BYTES && utf8Length(name) > MAX_NAME_BYTES)
    return `a name may not be longer than ${MAX_NAME_BYTES} bytes`;
  return undefined;
}

/** Why this cannot be the target of a link wherever the link lies; undefined when it can. */
export function targetProblem(target: string): string | undefined {
  if (target === "") return "a link must point somewhere";
  if (target.startsWith("/")) return "a link may not be absolute";
  if (hasControlCharacter(target)) return "a link may not contain control characters such as newline or tab";
  if (!target.isWellFormed()) return "a link must be valid UTF-8";
  if (utf8Length(target) > MAX_TARGET_BYTES) return `a link may not be longer than ${MAX_TARGET_BYTES} bytes`;
  // After a name, '..' would lead to the parent of whatever that name turns out to be, itself a link perhaps,
  // and nobody could tell from the text alone whether it stays inside.
  if (target.split("/").slice(linkParts(target).leading).includes("..")) {
    return "'..' may only stand at the start of a link";
  }
  return undefined;
}

/** How many folders above its own a link reaches; it leaves the tree when that exceeds its depth. Pure. */
export function linkClimb(target: string): number {
  return linkParts(target).climb;
}

/** Why a link at this path cannot be part of a tree, as the end of a sentence; undefined when it can. */
export function linkProblem(path: string, target: string): string | undefined {
  const depth = path.split("/").length - 1;
  return targetProblem(target) ?? (linkClimb(target) > depth ? "it leaves the tree" : undefined);
}

/** Order of names in a node: by their UTF-8 bytes. */
export function compareNames(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return byteRank(a) - byteRank(b);
  }
  return left.length - right.length;
}

/** A name or path for a message: quoted, escaped, cut when very long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}

/** UTF-16 puts surrogate pairs (beyond U+FFFF) before U+E000-U+FFFF; UTF-8 bytes put them after. */
function byteRank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

function linkParts(target: string): { leading: number; climb: number } {
  let leading = 0;
  let climb = 0;
  for (const part of target.split("/")) {
    if (part === "..") climb += 1;
    else if (part !== "." && part !== "") break;
    leading += 1;
  }
  return { leading, climb };
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
