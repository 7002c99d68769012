/** Copies a tree or a file out of the store into a folder of the user's: ordinary files, every byte checked. */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Digest } from "@spell/domain";
import { SpellError, invalidInput } from "@spell/domain";
import { BlobFolder, makeBlobFolders } from "./blob-folder.ts";
import { diskError, errnoOf } from "./disk.ts";
import { UrlsExpiredError } from "./download-errors.ts";
import { downloadBlobs } from "./download.ts";
import { linkClimb, quoted } from "./entry.ts";
import type { FileEntry, SymlinkEntry, TreeEntry } from "./entry.ts";
import { digestOf } from "./node.ts";
import { readFilePlace, readTree } from "./read-tree.ts";
import type { SkippedPath } from "./snapshot.ts";
import type { TransferOptions } from "./transfer.ts";
import type { ObjectSource, TreeTransport } from "./transport.ts";

/** So often places are asked for anew: their URLs last an hour. */
const MAX_READS = 24;

const NOTHING = new Uint8Array();
const EMPTY = digestOf(NOTHING);

/** What to copy: a folder, or one file under its name. */
export type DownloadSource = { kind: "directory"; digest: Digest } | { kind: "file"; file: FileEntry };

/** How far a download is. */
export interface DownloadProgress {
  downloadedBytes: number;
  /** What has to be downloaded in all, each blob once. */
  totalBytes: number;
  /** Files and links to be placed. */
  fileCount: number;
}

/** Settings of `downloadTree`. */
export interface DownloadOptions extends TransferOptions {
  /** The folder that it goes into; made if it is not there. */
  directory: string;
  /** Asked, one after the other, about files that would replace others. Default: all may. */
  mayReplace?: (path: string) => Promise<boolean>;
  /** Called as bytes come. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** What a copy came to. */
export interface DownloadResult {
  fileCount: number;
  totalBytes: number;
  /** Links that lead out of what was copied, and files that may not be replaced. */
  skipped: SkippedPath[];
}

/**
 * Files take their places when all bytes are here: a copy that fails, or is ended by the signal, leaves what was there before. Throws data-loss for wrong bytes,
 * exhausted (`disk-full`), unavailable, invalid-input (`in-the-way`) where a folder would be replaced, or something else by a folder.
 */
export async function downloadTree(
  source: DownloadSource,
  transport: TreeTransport,
  options: DownloadOptions,
): Promise<DownloadResult> {
  const directory = resolve(options.directory);
  const temporary = join(directory, `.spell-${randomUUID()}`);
  const made: string[] = [];
  let isDone = false;
  try {
    const listed = await listSource(source, transport);
    const skipped = listed.skipped;
    makeFolder(directory, made);
    checkFolders(directory, listed.directories);
    const files: Placed[] = [];
    for (const file of listed.files) {
      if (await mayWrite(directory, file.path, options)) files.push(file);
      else skipped.push({ path: file.path, why: "it is there already" });
    }
    const folder = openTemporary(temporary);
    await fetchAll({ source, transport, options, folder, directory }, files, listed.sources);
    for (const path of listed.directories) mkdirSync(join(directory, path), { recursive: true });
    placeFiles(directory, folder, files);
    isDone = true;
    return { fileCount: files.length, totalBytes: files.reduce((sum, { entry }) => sum + sizeOf(entry), 0), skipped };
  } catch (error) {
    throw diskError(error, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    if (!isDone) unmake(made);
  }
}

/** Takes folders away that were made for nothing, unless somebody has put something into them. */
function unmake(made: readonly string[]): void {
  try {
    for (const folder of made.toReversed()) rmdirSync(folder);
  } catch {
    // Then it stays.
  }
}

/** A file or link and where it goes, relative to the folder. */
interface Placed {
  path: string;
  entry: FileEntry | SymlinkEntry;
}

interface Listed {
  files: Placed[];
  directories: string[];
  sources: readonly ObjectSource[];
  skipped: SkippedPath[];
}

async function listSource(source: DownloadSource, transport: TreeTransport): Promise<Listed> {
  const listed: Listed = { files: [], directories: [], sources: [], skipped: [] };
  if (source.kind === "file") {
    const { sources } = await readFilePlace(source.file.digest, transport);
    return { ...listed, files: [{ path: source.file.name, entry: source.file }], sources };
  }
  const { nodes, sources } = await readTree(source.digest, transport);
  const visit = (digest: Digest, folder: string, depth: number): void => {
    for (const entry of nodes.get(digest) ?? []) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.kind === "directory") {
        listed.directories.push(path);
        visit(entry.digest, path, depth + 1);
      } else if (entry.kind === "symlink" && linkClimb(entry.target) > depth) {
        listed.skipped.push({
          path,
          why: `it is a link to ${quoted(entry.target)}, which leads out of what is copied`,
        });
      } else listed.files.push({ path, entry });
    }
  };
  visit(source.digest, "", 0);
  return { ...listed, sources };
}

/** One by one: Node's recursive way tries for ever where none can be made, through a link that leads nowhere or below /proc. */
function makeFolder(directory: string, made: string[]): void {
  const above = dirname(directory);
  if (above !== directory) makeFolder(above, made);
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  if (stats !== undefined || lstatSync(directory, { throwIfNoEntry: false }) !== undefined) {
    throw invalidInput(`Cannot copy into ${quoted(directory)}: it is no folder. Copy somewhere else.`, "in-the-way");
  }
  try {
    mkdirSync(directory);
    made.push(directory);
  } catch (error) {
    // Another copy may have made it meanwhile.
    if (errnoOf(error) !== "EEXIST" || !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** A folder replaces nothing, and nothing is written through a link to one. Those above come before those below. */
function checkFolders(directory: string, folders: readonly string[]): void {
  for (const path of folders) {
    const stats = lstatSync(join(directory, path), { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) continue;
    const what = stats.isSymbolicLink() ? "a link" : "a file";
    throw invalidInput(
      `Cannot make the folder ${quoted(path)}: ${what} of that name is there. Copy somewhere else.`,
      "in-the-way",
    );
  }
}

async function mayWrite(directory: string, path: string, { mayReplace }: DownloadOptions): Promise<boolean> {
  const stats = lstatSync(join(directory, path), { throwIfNoEntry: false });
  if (stats === undefined) return true;
  if (stats.isDirectory()) {
    throw invalidInput(
      `Cannot write ${quoted(path)}: a folder of that name is there. Copy somewhere else.`,
      "in-the-way",
    );
  }
  return mayReplace === undefined || mayReplace(path);
}

function openTemporary(temporary: string): BlobFolder {
  const blobs = join(temporary, "blobs");
  makeBlobFolders(blobs);
  return new BlobFolder({ blobs, temporary, suspectBeforeMs: 0 });
}

interface Fetch {
  source: DownloadSource;
  transport: TreeTransport;
  options: DownloadOptions;
  folder: BlobFolder;
  directory: string;
}

async function fetchAll(given: Fetch, files: readonly Placed[], first: readonly ObjectSource[]): Promise<void> {
  const { folder, options, directory } = given;
  let sources = first;
  const onBytes = watchBytes(files, options);
  for (let read = 1; ; read += 1) {
    const wanted = wantedOf(folder, files);
    try {
      await downloadBlobs({ sources, wanted, folder, folderPath: directory, onBytes, options });
      const [lost] = wantedOf(folder, files);
      if (lost === undefined) return;
      throw new SpellError("data-loss", `The coordinator does not say where the blob ${lost} lies.`);
    } catch (error) {
      if (!(error instanceof UrlsExpiredError)) throw error;
      if (read === MAX_READS) throw new SpellError("unavailable", "The object store refuses its own URLs. Try again.");
      sources = (await listSource(given.source, given.transport)).sources;
    }
  }
}

function watchBytes(files: readonly Placed[], { onProgress }: DownloadOptions): (bytes: number) => void {
  const sizes = new Map(files.flatMap(({ entry }) => (entry.kind === "file" ? [[entry.digest, entry.sizeBytes]] : [])));
  const totalBytes = [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  let downloadedBytes = 0;
  return (bytes) => {
    downloadedBytes += bytes;
    onProgress?.({ downloadedBytes, totalBytes, fileCount: files.length });
  };
}

/** What is still to be fetched; an empty file is not worth a request. */
function wantedOf(folder: BlobFolder, files: readonly Placed[]): Set<Digest> {
  const wanted = new Set<Digest>();
  for (const { entry } of files) {
    if (entry.kind !== "file" || folder.has(entry.digest)) continue;
    if (entry.digest === EMPTY) folder.publishBytes({ digest: EMPTY, executable: false }, NOTHING);
    else wanted.add(entry.digest);
  }
  return wanted;
}

function placeFiles(directory: string, folder: BlobFolder, files: readonly Placed[]): void {
  const uses = new Map<Digest, number>();
  const usesOf = (digest: Digest): number => uses.get(digest) ?? 0;
  for (const { entry } of files) if (entry.kind === "file") uses.set(entry.digest, usesOf(entry.digest) + 1);
  const mask = ~process.umask();
  for (const { path, entry } of files) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    // Not through a link that is there.
    rmSync(target, { force: true });
    if (entry.kind === "symlink") {
      symlinkSync(entry.target, target);
      continue;
    }
    const blob = folder.pathOf({ digest: entry.digest, executable: false });
    uses.set(entry.digest, usesOf(entry.digest) - 1);
    if (usesOf(entry.digest) === 0) renameSync(blob, target);
    else copyFileSync(blob, target);
    chmodSync(target, (entry.executable ? 0o777 : 0o666) & mask);
  }
}

function sizeOf(entry: TreeEntry): number {
  return entry.kind === "file" ? entry.sizeBytes : 0;
}
