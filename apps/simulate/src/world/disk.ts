/**
 * A machine's disk in memory: files that keep apart what was synced from what was only written. A process that is killed loses
 * nothing of it; a power cut takes what was not synced, wholly or in part.
 */
import type { Random } from "./random.ts";

export class DiskFile {
  readonly kind = "file";
  data: Buffer = Buffer.alloc(0);
  sizeBytes = 0;
  mtimeMs = 0;
  mode: number;
  readonly inode: number;
  /** What a power cut leaves at least; undefined: it may leave no file at all. */
  durable: Buffer | undefined;

  constructor(inode: number, mode: number) {
    this.inode = inode;
    this.mode = mode;
  }

  bytes(): Buffer {
    return this.data.subarray(0, this.sizeBytes);
  }

  write(bytes: Uint8Array, at: number): void {
    const end = at + bytes.length;
    if (end > this.data.length) {
      const larger = Buffer.alloc(Math.max(end, this.data.length * 2, 256));
      this.data.copy(larger, 0, 0, this.sizeBytes);
      this.data = larger;
    }
    this.data.set(bytes, at);
    this.sizeBytes = Math.max(this.sizeBytes, end);
  }

  truncate(sizeBytes: number): void {
    const kept = Buffer.alloc(sizeBytes);
    this.data.copy(kept, 0, 0, Math.min(this.sizeBytes, sizeBytes));
    this.data = kept;
    this.sizeBytes = sizeBytes;
  }
}

export class DiskFolder {
  readonly kind = "folder";
  readonly entries = new Map<string, DiskFile | DiskFolder>();
  readonly inode: number;

  constructor(inode: number) {
    this.inode = inode;
  }
}

export interface DiskWatcher {
  folder: string;
  onChange: (name: string) => void;
}

export class Disk {
  readonly root = new DiskFolder(1);
  readonly watchers = new Set<DiskWatcher>();
  /** What is thrown at whoever writes; undefined: there is room, and it works. */
  failure: "ENOSPC" | "EIO" | undefined;
  #inodes = 1;

  find(path: string): DiskFile | DiskFolder | undefined {
    let at: DiskFile | DiskFolder = this.root;
    for (const part of partsOf(path)) {
      if (at.kind !== "folder") return undefined;
      const next = at.entries.get(part);
      if (next === undefined) return undefined;
      at = next;
    }
    return at;
  }

  /** The folder that holds it, and its name there. */
  place(path: string): { folder: DiskFolder | undefined; name: string } {
    const parts = partsOf(path);
    const name = parts.pop() ?? "";
    const folder = this.find(parts.join("/"));
    return { folder: folder?.kind === "folder" ? folder : undefined, name };
  }

  makeFile(folder: DiskFolder, name: string, mode: number): DiskFile {
    const file = new DiskFile(++this.#inodes, mode);
    folder.entries.set(name, file);
    return file;
  }

  makeFolder(folder: DiskFolder, name: string): DiskFolder {
    const made = new DiskFolder(++this.#inodes);
    folder.entries.set(name, made);
    return made;
  }

  makeFolders(path: string): void {
    let at: DiskFolder = this.root;
    for (const part of partsOf(path)) {
      const next = at.entries.get(part) ?? this.makeFolder(at, part);
      if (next.kind !== "folder") throw new Error(`${path} leads through a file`);
      at = next;
    }
  }

  /** As another process does: whoever watches the folder hears of it. */
  append(path: string, bytes: Uint8Array, nowMs: number): void {
    const { folder, name } = this.place(path);
    if (folder === undefined) return;
    const there = folder.entries.get(name) ?? this.makeFile(folder, name, 0o600);
    if (there.kind !== "file") return;
    there.write(bytes, there.sizeBytes);
    there.mtimeMs = nowMs;
    this.changed(path);
  }

  changed(path: string): void {
    const at = path.lastIndexOf("/");
    const [folder, name] = [path.slice(0, at), path.slice(at + 1)];
    for (const watcher of this.watchers) if (watcher.folder === folder) watcher.onChange(name);
  }

  /** The machine loses its power: what was not synced may be gone, or torn. */
  powerCut(random: Random): void {
    this.watchers.clear();
    cutFolder(this.root, random);
  }
}

function cutFolder(folder: DiskFolder, random: Random): void {
  for (const [name, entry] of [...folder.entries]) {
    if (entry.kind === "folder") cutFolder(entry, random);
    else if (!cutFile(entry, random)) folder.entries.delete(name);
  }
}

/** False: the file is gone. */
function cutFile(file: DiskFile, random: Random): boolean {
  const { durable } = file;
  if (durable === undefined) {
    const luck = random.fraction();
    if (luck < 0.3) return false;
    if (luck < 0.6) file.truncate(random.whole(0, file.sizeBytes));
    return true;
  }
  const grownOnly = file.sizeBytes >= durable.length && file.bytes().subarray(0, durable.length).equals(durable);
  if (grownOnly) {
    if (file.sizeBytes > durable.length) file.truncate(random.whole(durable.length, file.sizeBytes));
  } else if (random.chance(0.5)) {
    file.truncate(0);
    file.write(durable, 0);
  }
  return true;
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
