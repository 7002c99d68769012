/** What lies in a folder, to be held against what should. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Every path below a folder with what it holds. */
export function contentsOf(folder: string): Record<string, string> {
  const contents: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isFile()) contents[name] = createHash("sha256").update(readFileSync(path)).digest("hex");
    else contents[name] = entry.isDirectory() ? "folder" : "link";
  }
  return contents;
}
