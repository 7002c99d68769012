/** Removes folders as runs leave them: without permissions, with names that are no UTF-8, with device files. */
import { chmod, lstat, readdir, rmdir, unlink } from "node:fs/promises";

/** Removes a file or a folder with all it holds; missing is fine. Follows no symlinks. */
export async function removeTree(path: string | Buffer): Promise<void> {
  const bytes = Buffer.from(path);
  let isFolder: boolean;
  try {
    isFolder = (await lstat(bytes)).isDirectory();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  if (isFolder) await removeFolder(bytes);
  else await unlink(bytes);
}

async function removeFolder(folder: Buffer): Promise<void> {
  const entries = await readdir(folder, { encoding: "buffer", withFileTypes: true }).catch(async (error: unknown) => {
    if (codeOf(error) !== "EACCES") throw error;
    await chmod(folder, 0o700);
    return readdir(folder, { encoding: "buffer", withFileTypes: true });
  });
  for (const entry of entries) {
    const path = Buffer.concat([folder, SLASH, Buffer.from(entry.name)]);
    if (entry.isDirectory()) {
      await removeFolder(path);
      continue;
    }
    await unlink(path).catch(async (error: unknown) => {
      if (codeOf(error) !== "EACCES") throw error;
      await chmod(folder, 0o700);
      await unlink(path);
    });
  }
  await rmdir(folder).catch(async (error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

const SLASH = Buffer.from("/");

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
