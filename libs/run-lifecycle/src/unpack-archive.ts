/**
 * Takes a tar archive (gzipped or not) apart without ever using a name of it as a path: contents go into numbered files, names only
 * into the tree that is made of them, which refuses what leads out of it.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { SpellError, invalidInput, messageOf } from "@spell/domain";
import type { SnapshotEntry } from "@spell/spellfs";
import { extract } from "tar-stream";
import type { Extract, Header } from "tar-stream";
import type { UploadFolder } from "./upload-folder.ts";

/** The folder that clients put everything under. */
const TOP = "upload";
const UNPACKED = "unpacked";
/** An archive may unpack to this much, or so many times its own size if that is more: beyond, it is a bomb. */
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_FACTOR = 100;
const MAX_ENTRIES = 1_000_000;

export interface Unpacking {
  folder: UploadFolder;
  uploadId: number;
  archive: { path: string; sizeBytes: number };
}

/** The entries of the archive; their bytes lie in the upload's folder. Throws invalid-input for what is unusable, exhausted. */
export async function unpackArchive(given: Unpacking): Promise<SnapshotEntry[]> {
  const { folder, uploadId, archive } = given;
  await folder.freshFolder(uploadId, UNPACKED);
  const unpacker = new Unpacker(given, await folder.freeBytes());
  const members = extract();
  const feeding = feed(members, archive.path);
  // Awaited below; nobody may be looking when it fails.
  feeding.catch(() => undefined);
  try {
    for await (const member of members) await unpacker.take(member.header, member as AsyncIterable<Uint8Array>);
    await feeding;
  } catch (error) {
    members.destroy();
    await feeding.catch(() => undefined);
    throw error instanceof SpellError
      ? error
      : invalidInput(`The archive cannot be unpacked: ${messageOf(error)}.`, "bad-archive");
  }
  return unpacker.entries();
}

async function feed(members: Extract, path: string): Promise<void> {
  try {
    const file = createReadStream(path);
    const source: AsyncIterable<Buffer> = (await isGzip(path)) ? file.pipe(createGunzip()) : file;
    if (source !== file) file.on("error", (error) => members.destroy(error));
    for await (const chunk of source) {
      if (members.destroyed) return;
      if (!members.write(chunk)) await roomIn(members);
    }
    members.end(null);
  } catch (error) {
    members.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

function roomIn(members: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      members.off("drain", done);
      members.off("close", done);
      resolve();
    };
    members.on("drain", done);
    members.on("close", done);
  });
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

class Unpacker {
  readonly #given: Unpacking;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, SnapshotEntry>();
  #bytes = 0;
  #files = 0;

  constructor(given: Unpacking, freeBytes: number) {
    this.#given = given;
    this.#maxBytes = Math.min(freeBytes, Math.max(MAX_BYTES, given.archive.sizeBytes * MAX_FACTOR));
  }

  entries(): SnapshotEntry[] {
    return [...this.#entries.values()];
  }

  async take(header: Header, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const path = cleanName(header.name);
    if (this.#entries.size >= MAX_ENTRIES) throw refuse(path, `an archive may have ${MAX_ENTRIES} entries`);
    const entry = { path, source: "", executable: false, sizeBytes: 0 };
    switch (header.type) {
      case "file":
      case "contiguous-file":
        await this.#takeFile(path, header, bytes);
        return;
      case "directory":
        if (path !== "") this.#entries.set(`${path}/`, { ...entry, kind: "directory" });
        break;
      case "symlink":
        this.#entries.set(path, { ...entry, kind: "symlink", target: header.linkname });
        break;
      case "link":
        this.#entries.set(path, { ...this.#linked(path, cleanName(header.linkname)), path });
        break;
      default:
        throw refuse(path, `it is a ${header.type}, and only files, folders and links can be uploaded`);
    }
    // The next member comes only once this one is read.
    for await (const _ of bytes) continue;
  }

  async #takeFile(path: string, header: Header, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { folder, uploadId } = this.#given;
    this.#bytes += header.size;
    if (this.#bytes > this.#maxBytes) {
      const message = `The archive unpacks to more than ${this.#maxBytes} bytes: upload the files without --compress.`;
      throw invalidInput(message, "too-large");
    }
    const name = `${UNPACKED}/${(this.#files += 1)}`;
    await pipeline(bytes, folder.writeInside(uploadId, name));
    this.#entries.set(path, {
      ...{ path, kind: "file", source: folder.pathInside(uploadId, name), sizeBytes: header.size },
      executable: (header.mode & 0o111) !== 0,
    });
  }

  #linked(path: string, target: string): SnapshotEntry {
    const entry = this.#entries.get(target);
    if (entry?.kind === "file") return entry;
    throw refuse(path, `it is a link to "${target}", which is no file before it in the archive`);
  }
}

/** Without the folder that clients put everything under. */
function cleanName(name: string): string {
  const plain = name.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  if (plain === TOP || plain === ".") return "";
  return plain.startsWith(`${TOP}/`) ? plain.slice(TOP.length + 1) : plain;
}

function refuse(path: string, why: string): SpellError {
  return invalidInput(
    `The archive cannot be unpacked at ${JSON.stringify(path.slice(0, 300))}: ${why}.`,
    "bad-archive",
  );
}
