/** Writing one object: temp file, flush, rename, flush of the folder. Never partly visible, durable when it returns. */
import { open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DurableFolders } from "./durable-folder.ts";
import { newTempName } from "./temp-files.ts";

/** Puts the bytes at `path`, replacing what was there in one step. On any failure nothing is left behind. */
export async function writeObject(options: {
  path: string;
  body: Uint8Array | AsyncIterable<Uint8Array>;
  tempFolder: string;
  folders: DurableFolders;
}): Promise<void> {
  const { path, body, tempFolder, folders } = options;
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
    await rename(temp, path);
  } catch (error) {
    await rm(temp, { force: true }).catch(() => undefined); // the sweep at the next start gets it
    throw error;
  }
  await folders.sync(folder);
}

/** Chunks are gathered to this size: one system call per megabyte instead of one per packet. */
const WRITE_BYTES = 1024 * 1024;

async function writeBody(handle: FileHandle, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  if (body instanceof Uint8Array) return handle.writeFile(body);
  await writeChunks(handle, body, 0);
}

/** Writes what arrives into the file, from the offset on. */
export async function writeChunks(handle: FileHandle, body: AsyncIterable<Uint8Array>, offset: number): Promise<void> {
  let position = offset;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const write = async (): Promise<void> => {
    const bytes = Buffer.concat(gathered);
    for (let done = 0; done < bytes.byteLength;) {
      done += (await handle.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten;
    }
    position += bytes.byteLength;
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
