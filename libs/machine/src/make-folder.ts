/** Makes a folder with all folders above it. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Harmless when it is there already. Node's own recursive mkdir never ends in a folder where nothing can be made, such as /proc: it
 * takes the answer for a parent that is missing and makes that again and again. Throws the system's error.
 */
export function makeFolder(path: string, options: { mode?: number } = {}): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent, options);
  try {
    mkdirSync(path, options);
  } catch (error) {
    // Somebody else may have been faster.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
