/**
 * Reads one folder without ever following a link that somebody puts in a folder's place meanwhile: on Linux the folder is
 * held open and its entries are addressed through the descriptor. That matters to the agent, which takes snapshots of
 * folders that a run can change at will, and may read more of the machine than the run.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
} from "node:fs";
import type { Stats } from "node:fs";
import { join } from "node:path";
import { SpellError, invalidInput } from "@spell/domain";
import { quoted } from "./entry.ts";
import { unreadable } from "./hash-file.ts";

const MAY_BE_GONE = { throwIfNoEntry: false } as const;
const viaDescriptors = process.platform === "linux" && existsSync("/proc/self/fd");

/** An open folder. */
export interface FolderReader {
  /** The path for system calls on an entry. */
  pathOf(name: string): string;
  /** Names of all entries. Throws invalid-input for one that is not UTF-8. */
  names(): string[];
  /** Undefined when the entry is not there (any more). */
  stat(name: string): Stats | undefined;
  /** Target of a link. Throws invalid-input when it is not UTF-8. */
  linkTarget(name: string): string;
  /** Text of a small regular file, undefined when there is none. */
  readSmallText(name: string): string | undefined;
  close(): void;
}

/** Opens a folder. `shownPath` is what messages call it. Throws invalid-input when it cannot be read, not-found. */
export function openFolder(openPath: string, shownPath: string): FolderReader {
  let descriptor: number | undefined;
  let base = openPath;
  if (viaDescriptors) {
    descriptor = attempt(shownPath, () =>
      openSync(openPath, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    );
    base = `/proc/self/fd/${descriptor}`;
  }
  const shown = (name: string): string => (shownPath === "" ? name : `${shownPath}/${name}`);
  return {
    pathOf: (name) => `${base}/${name}`,
    names: () => attempt(shownPath, () => validNames(base, shown)),
    stat: (name) => attempt(shown(name), () => lstatSync(`${base}/${name}`, MAY_BE_GONE)),
    linkTarget: (name) =>
      attempt(shown(name), () => {
        const bytes = readlinkSync(`${base}/${name}`, { encoding: "buffer" });
        return validText(bytes, `The target of the link ${quoted(shown(name))}`);
      }),
    readSmallText: (name) =>
      attempt(shown(name), () => {
        const path = `${base}/${name}`;
        const stats = lstatSync(path, MAY_BE_GONE);
        if (stats === undefined || !stats.isFile() || stats.size > 1024 * 1024) return undefined;
        return readFileSync(path, { encoding: "utf8", flag: constants.O_RDONLY | constants.O_NOFOLLOW });
      }),
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/**
 * Opens `path` below `top`, where no part of the way may be a link. Throws invalid-input naming the part that is.
 */
export function openFolderBelow(top: string, path: string): FolderReader {
  let folder = openFolder(top, top);
  let shownPath = top;
  for (const part of path.split("/").filter((text) => text !== "")) {
    const outer = folder;
    shownPath = join(shownPath, part);
    try {
      if (part === ".." || outer.stat(part)?.isSymbolicLink()) {
        throw invalidInput(`${quoted(shownPath)} is a link: name the folder itself.`, "bad-path");
      }
      folder = openFolder(outer.pathOf(part), shownPath);
    } finally {
      outer.close();
    }
  }
  return folder;
}

function validNames(path: string, shown: (name: string) => string): string[] {
  const names = readdirSync(path);
  // U+FFFD stands for bytes that are no UTF-8, or for itself.
  if (!names.some((name) => name.includes("\uFFFD"))) return names;
  return readdirSync(path, { encoding: "buffer" }).map((bytes) =>
    validText(bytes, `The name ${quoted(shown(bytes.toString("utf8")))}`),
  );
}

function validText(bytes: Buffer, what: string): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  throw invalidInput(`${what} is not valid UTF-8: rename it.`, "bad-name");
}

function attempt<T>(shownPath: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SpellError) throw error;
    throw unreadable(shownPath, error);
  }
}
