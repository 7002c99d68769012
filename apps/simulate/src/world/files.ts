/** `node:fs` on the disk of the machine that the present process runs on. Every call may be the one at which the process is killed. */
import { constants } from "node:fs";
import type { Disk, DiskFile, DiskFolder } from "./disk.ts";
import { currentProcess, world } from "./world.ts";

type Entry = DiskFile | DiskFolder;
type Encoding = string | { encoding?: string | null; withFileTypes?: boolean; recursive?: boolean } | null | undefined;

/** An open file. Lives as long as its process. */
export interface OpenFile {
  file: Entry;
  path: string;
  appends: boolean;
  position: number;
}

const openFiles = new Map<number, OpenFile>();
let lastDescriptor = 1_000;

/** Called between worlds: nothing of the last one is open any more. */
export function closeAllFiles(): void {
  openFiles.clear();
  lastDescriptor = 1_000;
}

export function diskHere(): Disk {
  const process = currentProcess();
  if (process === undefined) throw new Error("nobody's disk");
  return process.host.disk;
}

export function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

export function pathText(path: unknown): string {
  return Buffer.isBuffer(path) ? path.toString() : path instanceof URL ? path.pathname : String(path);
}

function found(call: string, path: string): Entry {
  const entry = diskHere().find(path);
  if (entry === undefined) throw failure("ENOENT", call, path);
  return entry;
}

function foundFolder(call: string, path: string): DiskFolder {
  const entry = found(call, path);
  if (entry.kind !== "folder") throw failure("ENOTDIR", call, path);
  return entry;
}

/** Before every call; `writes`: it needs a disk that takes something. */
function begin(call: string, path: string, writes = false): void {
  world().effect();
  const { failure: code } = diskHere();
  if (writes && code !== undefined) throw failure(code, call, path);
}

export function openFileOf(descriptor: number): OpenFile {
  const open = openFiles.get(descriptor);
  if (open === undefined) throw failure("EBADF", "fd", String(descriptor));
  return open;
}

function plainFile(descriptor: number): DiskFile {
  const { file, path } = openFileOf(descriptor);
  if (file.kind !== "file") throw failure("EISDIR", "fd", path);
  return file;
}

export function statsOf(entry: Entry): object {
  const isFile = entry.kind === "file";
  const sizeBytes = isFile ? entry.sizeBytes : 4_096;
  const mtimeMs = isFile ? entry.mtimeMs : 0;
  return {
    ...{ size: sizeBytes, ino: entry.inode, dev: 1, nlink: 1, blocks: Math.ceil(sizeBytes / 512), blksize: 4_096 },
    ...{ mode: isFile ? 0o100000 | entry.mode : 0o40700, uid: 0, gid: 0 },
    ...{ mtimeMs, ctimeMs: mtimeMs, atimeMs: mtimeMs, mtime: new Date(mtimeMs) },
    isFile: () => isFile,
    isDirectory: () => !isFile,
    isSymbolicLink: () => false,
    isFIFO: () => false,
    isSocket: () => false,
  };
}

export function openSync(given: unknown, flags: string | number = "r", mode = 0o666): number {
  const path = pathText(given);
  const bits = typeof flags === "number" ? flags : flagBits(flags);
  const creates = (bits & constants.O_CREAT) !== 0;
  begin("open", path, creates);
  const { folder, name } = diskHere().place(path);
  let entry: Entry | undefined = name === "" ? diskHere().root : folder?.entries.get(name);
  if (entry !== undefined && creates && (bits & constants.O_EXCL) !== 0) throw failure("EEXIST", "open", path);
  if (entry === undefined) {
    if (!creates || folder === undefined) throw failure("ENOENT", "open", path);
    entry = diskHere().makeFile(folder, name, mode);
    touch(entry, path);
  } else if ((bits & constants.O_TRUNC) !== 0 && entry.kind === "file") {
    entry.truncate(0);
    touch(entry, path);
  }
  const descriptor = ++lastDescriptor;
  openFiles.set(descriptor, { file: entry, path, appends: (bits & constants.O_APPEND) !== 0, position: 0 });
  return descriptor;
}

function flagBits(flags: string): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_EXCL } = constants;
  const exclusive = flags.includes("x") ? O_EXCL : 0;
  const both = flags.includes("+");
  if (flags.startsWith("w")) return (both ? O_RDWR : O_WRONLY) | O_CREAT | O_TRUNC | exclusive;
  if (flags.startsWith("a")) return (both ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND | exclusive;
  return both ? O_RDWR : O_RDONLY;
}

function touch(file: DiskFile, path: string): void {
  file.mtimeMs = Date.now();
  diskHere().changed(path);
}

export function closeSync(descriptor: number): void {
  world().effect();
  openFileOf(descriptor);
  openFiles.delete(descriptor);
}

export function readSync(
  descriptor: number,
  into: Uint8Array,
  offset: number | { offset?: number; length?: number; position?: number | null } = 0,
  length = into.length,
  position: number | null = null,
): number {
  if (typeof offset === "object") {
    return readSync(descriptor, into, offset.offset ?? 0, offset.length ?? into.length, offset.position ?? null);
  }
  const open = openFileOf(descriptor);
  begin("read", open.path);
  const from = position ?? open.position;
  const bytes = plainFile(descriptor)
    .bytes()
    .subarray(from, from + length);
  into.set(bytes, offset);
  if (position === null) open.position += bytes.length;
  return bytes.length;
}

export function writeSync(
  descriptor: number,
  given: Uint8Array | string,
  offset = 0,
  length?: number,
  position: number | null = null,
): number {
  const open = openFileOf(descriptor);
  begin("write", open.path, true);
  const file = plainFile(descriptor);
  const bytes = typeof given === "string" ? Buffer.from(given) : given;
  const part = bytes.subarray(offset, offset + (length ?? bytes.length - offset));
  const at = open.appends ? file.sizeBytes : (position ?? open.position);
  file.write(part, at);
  if (position === null) open.position = at + part.length;
  touch(file, open.path);
  return part.length;
}

export function fstatSync(descriptor: number): object {
  world().effect();
  return statsOf(openFileOf(descriptor).file);
}

export function ftruncateSync(descriptor: number, sizeBytes = 0): void {
  begin("ftruncate", openFileOf(descriptor).path);
  const file = plainFile(descriptor);
  if (file.sizeBytes !== sizeBytes) {
    file.truncate(sizeBytes);
    touch(file, openFileOf(descriptor).path);
  }
}

export function fdatasyncSync(descriptor: number): void {
  begin("fdatasync", openFileOf(descriptor).path, true);
  const { file } = openFileOf(descriptor);
  if (file.kind === "file") file.durable = Buffer.from(file.bytes());
}

export function mkdirSync(given: unknown, options?: { recursive?: boolean }): void {
  const path = pathText(given);
  begin("mkdir", path, diskHere().find(path) === undefined);
  if (options?.recursive === true) return diskHere().makeFolders(path);
  const { folder, name } = diskHere().place(path);
  if (folder === undefined) throw failure("ENOENT", "mkdir", path);
  if (folder.entries.has(name)) throw failure("EEXIST", "mkdir", path);
  diskHere().makeFolder(folder, name);
}

export function readdirSync(given: unknown, options?: Encoding): unknown[] {
  const path = pathText(given);
  begin("scandir", path);
  const asBytes = typeof options === "object" && options?.encoding === "buffer";
  const named = (name: string): string | Buffer => (asBytes ? Buffer.from(name) : name);
  const entries = [...foundFolder("scandir", path).entries];
  if (typeof options !== "object" || options?.withFileTypes !== true) return entries.map(([name]) => named(name));
  return entries.map(([name, entry]) => ({ name: named(name), parentPath: path, ...statsOf(entry) }));
}

export function readFileSync(given: unknown, options?: Encoding): Buffer | string {
  const path = typeof given === "number" ? openFileOf(given).path : pathText(given);
  begin("open", path);
  const entry = typeof given === "number" ? plainFile(given) : found("open", path);
  if (entry.kind !== "file") throw failure("EISDIR", "read", path);
  const encoding = typeof options === "string" ? options : options?.encoding;
  const bytes = Buffer.from(entry.bytes());
  return encoding === undefined || encoding === null ? bytes : bytes.toString(encoding as BufferEncoding);
}

export function writeFileSync(
  given: unknown,
  data: Uint8Array | string,
  options?: { flag?: string; mode?: number },
): void {
  const descriptor = openSync(given, options?.flag ?? "w", options?.mode);
  writeSync(descriptor, data);
  closeSync(descriptor);
}

export function appendFileSync(given: unknown, data: Uint8Array | string, options?: { mode?: number }): void {
  if (typeof given === "number") {
    const file = plainFile(given);
    writeSync(given, typeof data === "string" ? Buffer.from(data) : data, 0, undefined, file.sizeBytes);
    return;
  }
  writeFileSync(given, data, { flag: "a", mode: options?.mode });
}

export function statSync(given: unknown, options?: { throwIfNoEntry?: boolean }): object | undefined {
  const path = pathText(given);
  begin("stat", path);
  if (options?.throwIfNoEntry === false && diskHere().find(path) === undefined) return undefined;
  return statsOf(found("stat", path));
}

export function existsSync(given: unknown): boolean {
  world().effect();
  return diskHere().find(pathText(given)) !== undefined;
}

export function unlinkSync(given: unknown): void {
  const path = pathText(given);
  begin("unlink", path);
  const { folder, name } = diskHere().place(path);
  if (folder?.entries.has(name) !== true) throw failure("ENOENT", "unlink", path);
  folder.entries.delete(name);
  diskHere().changed(path);
}

export function rmdirSync(given: unknown): void {
  const path = pathText(given);
  const folder = foundFolder("rmdir", path);
  if (folder.entries.size > 0) throw failure("ENOTEMPTY", "rmdir", path);
  unlinkSync(path);
}

export function rmSync(given: unknown, options?: { force?: boolean; recursive?: boolean }): void {
  const path = pathText(given);
  begin("rm", path);
  if (diskHere().find(path) !== undefined) unlinkSync(path);
  else if (options?.force !== true) throw failure("ENOENT", "rm", path);
}

export function renameSync(givenFrom: unknown, givenTo: unknown): void {
  const [from, to] = [pathText(givenFrom), pathText(givenTo)];
  begin("rename", from);
  const entry = found("rename", from);
  const source = diskHere().place(from);
  const target = diskHere().place(to);
  if (target.folder === undefined) throw failure("ENOENT", "rename", to);
  source.folder?.entries.delete(source.name);
  target.folder.entries.set(target.name, entry);
  diskHere().changed(to);
}
