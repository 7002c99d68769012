/** Finds a text to learn from on this machine: a file, else the prose in documents that every machine has. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { messageOf } from "@spell/domain";
import { proseOf } from "./prose.ts";

/** Text that is too short teaches nothing but itself. */
const ENOUGH_BYTES = 300_000;
/** More would only cost time. */
const PLENTY_BYTES = 1_000_000;

export interface FoundText {
  bytes: Buffer;
  /** The name under which it is served. */
  name: string;
  /** A sentence for people: what it is. */
  sentence: string;
  /** The file it is, or the best of those it comes from: absolute path. */
  path: string;
}

/** A folder whose files hold prose. */
export interface ProseFolder {
  path: string;
  /** What lies there, for people. */
  what: string;
  isDocument: (name: string) => boolean;
}

export interface SearchOptions {
  /** What the user asked for: then nothing else will do. */
  wanted?: string;
  /** Files taken whole: the first that exists. */
  files: readonly string[];
  /** Otherwise these together, in order, until there is plenty. */
  folders: readonly ProseFolder[];
}

/** Throws an Error that says what to do when a wanted file cannot be used or nothing is found. */
export function findText({ wanted, files, folders }: SearchOptions): FoundText {
  if (wanted !== undefined) return wholeFile(resolve(wanted));
  const file = files.find((path) => isFile(path));
  return file === undefined ? gather(folders) : wholeFile(resolve(file));
}

/** Where the demo looks, for a clone at `root`. */
export function usualPlaces(root: string): Pick<SearchOptions, "files" | "folders"> {
  const always = (): boolean => true;
  const byName = (name: string): boolean => /^(copyright|licen[cs]e.*|readme.*|.*\.(txt|md))$/i.test(name);
  return {
    files: [join(root, "..", "shared", "data", "war-and-peace.txt")],
    folders: [
      { path: "/usr/share/common-licenses", what: "licences", isDocument: always },
      { path: "/usr/share/doc", what: "the documentation of this machine", isDocument: byName },
      { path: join(root, "node_modules"), what: "the documentation of npm packages", isDocument: byName },
    ],
  };
}

function wholeFile(path: string): FoundText {
  try {
    if (!statSync(path).isFile()) throw new Error("it is not a file");
    const bytes = readFileSync(path);
    if (bytes.length === 0) throw new Error("it is empty");
    return { bytes, path, name: basename(path), sentence: `${path} (${size(bytes.length)})` };
  } catch (error) {
    throw new Error(`Cannot learn from ${path}: ${messageOf(error)}. Name another text with --text FILE.`, {
      cause: error,
    });
  }
}

function gather(folders: readonly ProseFolder[]): FoundText {
  const paragraphs = new Set<string>();
  const used: string[] = [];
  let sizeBytes = 0;
  let best = { path: "", sizeBytes: 0 };
  for (const folder of folders) {
    const sizeBefore = sizeBytes;
    for (const path of filesBelow(folder)) {
      if (sizeBytes >= PLENTY_BYTES) break;
      // Many packages come with the same licence.
      const fresh = proseOf(readable(path)).filter((paragraph) => !paragraphs.has(paragraph));
      for (const paragraph of fresh) paragraphs.add(paragraph);
      const freshBytes = fresh.reduce((sum, paragraph) => sum + Buffer.byteLength(paragraph), 0);
      sizeBytes += freshBytes;
      if (used.length === 0 && freshBytes > best.sizeBytes) best = { path, sizeBytes: freshBytes };
    }
    if (sizeBytes > sizeBefore) used.push(`${folder.what} (${folder.path})`);
    if (sizeBytes >= ENOUGH_BYTES) break;
  }
  if (sizeBytes < ENOUGH_BYTES) {
    throw new Error(
      `Only ${size(sizeBytes)} of prose was found on this machine, too little to learn from. Name a text with --text FILE.`,
    );
  }
  const sentence = `${size(sizeBytes)} of prose out of ${used.join(" and ")}`;
  return { bytes: Buffer.from([...paragraphs, ""].join("\n\n")), name: "prose.txt", path: best.path, sentence };
}

/** Files in an order that does not change; no symbolic links, so nothing comes twice. */
function* filesBelow(folder: ProseFolder): Generator<string> {
  let entries;
  try {
    entries = readdirSync(folder.path, { withFileTypes: true });
  } catch {
    return;
  }
  entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder.path, entry.name);
    if (entry.isDirectory()) yield* filesBelow({ ...folder, path });
    else if (entry.isFile() && folder.isDocument(entry.name)) yield path;
  }
}

/** A file that is text; empty for any other. */
function readable(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch {
    return "";
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function size(sizeBytes: number): string {
  return sizeBytes < 1_000_000 ? `${Math.ceil(sizeBytes / 1000)} kB` : `${(sizeBytes / 1_000_000).toFixed(1)} MB`;
}
