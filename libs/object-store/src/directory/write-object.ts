/** Writing one object: temp file, flush, rename, flush of the folder. Never partly visible, durable when it returns. */
import { link, open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SpellError } from "@spell/domain";
import type { DurableFolders } from "./durable-folder.ts";
import { errnoOf } from "./file-errors.ts";
import { unlessAbsent } from "./list-objects.ts";
import { newTempName } from "./temp-files.ts";

/**
 * Puts the bytes at `path`, replacing what was there in one step; with `onlyNew` throws conflict (`object-exists`) instead. On any
 * failure nothing is left behind.
 */
export async function writeObject(options: {
  path: string;
  body: Uint8Array | AsyncIterable<Uint8Array>;
  tempFolder: string;
  folders: DurableFolders;
  onlyNew?: boolean;
}): Promise<void> {
  const { path, body, tempFolder, folders, onlyNew = false } = options;
  const folder = dirname(path);
  const temp = join(tempFolder, newTempName());
  try {
    const handle = await open(temp, "wx", 0o600);
    try {
      await writeBody(handle, body);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await folders.ensure(folder);
    await (onlyNew ? moveNew(temp, path) : rename(temp, path));
  } catch (error) {
    await rm(temp, { force: true }).catch(() => undefined); // the sweep at the next start gets it
    throw error;
  }
  await folders.sync(folder);
}

/** A link fails where something is. File systems without links get a look beforehand. */
async function moveNew(temp: string, path: string): Promise<void> {
  try {
    await link(temp, path);
  } catch (error) {
    const code = errnoOf(error) ?? "";
    if (code === "EEXIST") throw objectExists();
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(code)) throw error;
    if ((await unlessAbsent(stat(path))) !== undefined) throw objectExists();
    return rename(temp, path);
  }
  await rm(temp, { force: true });
}

function objectExists(): SpellError {
  const message = "There is such an object already, and by this URL none may be replaced.";
  return new SpellError("conflict", message, { reason: "object-exists" });
}

/** Chunks are gathered to this size: one system call per megabyte instead of one per packet. */
const WRITE_BYTES = 1024 * 1024;

async function writeBody(handle: FileHandle, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  if (body instanceof Uint8Array) return handle.writeFile(body);
  await writeChunks(handle, body, 0);
}

/** Writes what arrives into the file, from the offset on. The chunks are its own: their memory is given back. */
export async function writeChunks(handle: FileHandle, body: AsyncIterable<Uint8Array>, offset: number): Promise<void> {
  let position = offset;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const write = async (): Promise<void> => {
    for (let left = gathered; left.length > 0;) {
      const { bytesWritten } = await handle.writev(left, position);
      position += bytesWritten;
      left = behind(left, bytesWritten);
    }
    gathered.forEach(release);
    gathered = [];
    gatheredBytes = 0;
  };
  for await (const chunk of body) {
    gathered.push(chunk);
    gatheredBytes += chunk.byteLength;
    if (gatheredBytes >= WRITE_BYTES) await write();
  }
  await write();
}

/** What is left of the chunks behind so many bytes. */
function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let toSkip = bytes;
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(toSkip, chunk.byteLength);
    toSkip -= skipped;
    return skipped === chunk.byteLength ? [] : [chunk.subarray(skipped)];
  });
}

/** At once: V8 collects its whole heap for every 64 MiB that such chunks leave behind, a fifth of what receiving costs. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
