/** Small files that are the old or the new one, whole, wherever the process was killed. */
import { open, rename } from "node:fs/promises";

/** Replaces the file in one step; with `flush` it also survives a power cut. */
export async function writeJson(path: string, value: unknown, options: { flush: boolean }): Promise<void> {
  const handle = await open(`${path}.new`, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify(value));
    if (options.flush) await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
}
