/**
 * The directory node: one folder's entries as canonical text, named by the sha256 of that text. There is exactly one
 * encoding of a folder, so equal folders have equal digests. docs/spellfs.md gives the format byte by byte.
 */
import { hash } from "node:crypto";
import { invalidInput, isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";
import { compareNames, nameProblem, quoted, targetProblem } from "./entry.ts";
import type { TreeEntry } from "./entry.ts";

const HEADER = "spell-tree 1\n";

/** Most entries one folder may have. */
export const MAX_NODE_ENTRIES = 1_000_000;
/** Longest encoding that is read: room for about 700,000 files with usual names. */
export const MAX_NODE_BYTES = 64 * 1024 * 1024;

/** Bounds on what `decodeNode` reads. */
export interface NodeLimits {
  /** Default MAX_NODE_BYTES. */
  maxBytes?: number;
  /** Default MAX_NODE_ENTRIES. */
  maxEntries?: number;
}

/** The canonical encoding, whatever order the entries come in. Throws invalid-input naming the bad entry. */
export function encodeNode(entries: Iterable<TreeEntry>): Uint8Array {
  const sorted = [...entries].sort((left, right) => compareNames(left.name, right.name));
  if (sorted.length > MAX_NODE_ENTRIES) throw badNode(`a folder may not have more than ${MAX_NODE_ENTRIES} entries`);
  let previous: string | undefined;
  let text = HEADER;
  for (const entry of sorted) {
    if (entry.name === previous) throw badNode(`the name ${quoted(entry.name)} occurs twice`);
    previous = entry.name;
    checkEntry(entry);
    if (entry.kind !== "symlink" && !isDigest(entry.digest))
      throw badNode(`${quoted(entry.name)} has no sha256 digest`);
    text += encodeEntry(entry);
  }
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > MAX_NODE_BYTES) throw badNode(`a folder's list may not be longer than ${MAX_NODE_BYTES} bytes`);
  return bytes;
}

/** The entries of a node. Strict: anything but the canonical encoding throws invalid-input naming the bad entry. */
export function decodeNode(bytes: Uint8Array, limits: NodeLimits = {}): TreeEntry[] {
  const maxBytes = limits.maxBytes ?? MAX_NODE_BYTES;
  const maxEntries = limits.maxEntries ?? MAX_NODE_ENTRIES;
  if (bytes.length > maxBytes) throw badNode(`it has ${bytes.length} bytes, the most is ${maxBytes}`);
  const text = decodeText(bytes);
  if (!text.startsWith(HEADER)) throw badNode('its first line is not "spell-tree 1"');
  if (!text.endsWith("\n")) throw badNode("its last line does not end");
  const entries: TreeEntry[] = [];
  let start = HEADER.length;
  let previous: string | undefined;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    const entry = decodeEntry(text.slice(start, end));
    if (previous !== undefined && compareNames(previous, entry.name) >= 0) {
      const what = previous === entry.name ? "occurs twice" : "is out of order";
      throw badNode(`the name ${quoted(entry.name)} ${what}`);
    }
    if (entries.length === maxEntries) throw badNode(`a folder may not have more than ${maxEntries} entries`);
    entries.push(entry);
    previous = entry.name;
    start = end + 1;
  }
  return entries;
}

/** The sha256 of bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  // Not checked: that would cost a fifth of the hashing of a small file.
  return hash("sha256", bytes, "hex") as Digest;
}

/** Asserts that a text from our own hashing is a digest. */
export function toDigest(hex: string): Digest {
  if (!isDigest(hex)) throw badNode(`${quoted(hex)} is not a sha256 digest`);
  return hex;
}

function encodeEntry(entry: TreeEntry): string {
  switch (entry.kind) {
    case "file":
      return `${entry.executable ? "x" : "f"}\t${entry.name}\t${entry.sizeBytes}\t${entry.digest}\n`;
    case "directory":
      return `d\t${entry.name}\t${entry.digest}\n`;
    case "symlink":
      return `l\t${entry.name}\t${entry.target}\n`;
  }
}

function decodeEntry(line: string): TreeEntry {
  const entry = parseEntry(line.split("\t"));
  if (entry === undefined) throw badNode(`the line ${quoted(line)} is not an entry`);
  checkEntry(entry);
  return entry;
}

function parseEntry(fields: string[]): TreeEntry | undefined {
  const [kind, name, third, fourth] = fields;
  if (name === undefined || third === undefined) return undefined;
  if (fields.length === 4 && (kind === "f" || kind === "x")) {
    if (!/^(0|[1-9][0-9]{0,15})$/.test(third) || fourth === undefined || !isDigest(fourth)) return undefined;
    return { kind: "file", name, sizeBytes: Number(third), digest: fourth, executable: kind === "x" };
  }
  if (fields.length !== 3) return undefined;
  if (kind === "d") return isDigest(third) ? { kind: "directory", name, digest: third } : undefined;
  return kind === "l" ? { kind: "symlink", name, target: third } : undefined;
}

/** All but the digest, which only a line of a node can have been checked for already. */
function checkEntry(entry: TreeEntry): void {
  const problem = nameProblem(entry.name);
  if (problem !== undefined) throw badNode(`the name ${quoted(entry.name)} is not allowed: ${problem}`);
  if (entry.kind === "symlink") {
    const wrong = targetProblem(entry.target);
    if (wrong !== undefined) {
      throw badNode(`the link ${quoted(entry.name)} to ${quoted(entry.target)} is not allowed: ${wrong}`);
    }
    return;
  }
  if (entry.kind === "file" && !(Number.isSafeInteger(entry.sizeBytes) && entry.sizeBytes >= 0)) {
    throw badNode(`${quoted(entry.name)} has an impossible size`);
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    // ignoreBOM keeps a leading byte order mark in the text, where the first line then refuses it.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badNode("it is not valid UTF-8");
  }
}

function badNode(why: string): ReturnType<typeof invalidInput> {
  return invalidInput(`This is not a valid directory node: ${why}.`, "bad-tree");
}
