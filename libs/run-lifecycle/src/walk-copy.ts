/** The entries of a copy of a file or folder, in the order in which they are sent. */
import { posix } from "node:path";
import type { Digest } from "@spell/domain";
import type { FileEntry } from "@spell/spellfs";
import type { ResourceContent } from "./resources.ts";
import type { TreeCatalog } from "./tree-catalog.ts";

/** `path` is relative to what is copied. */
export type CopiedEntry = { path: string; madeAtMs: number } & (
  { kind: "file"; file: FileEntry } | { kind: "directory" } | { kind: "symlink"; target: string }
);

interface Walk {
  trees: TreeCatalog;
  madeAtMs: number;
  source: { root: Digest; path: string };
}

/**
 * Folders before what lies in them. A link that leads out of the copied folder would lead anywhere on the reader's machine: it is
 * sent as the file that it leads to in the source; one that leads to a folder or nowhere is left out.
 */
export async function* walkCopy(
  trees: TreeCatalog,
  given: { content: ResourceContent; source: Walk["source"] | undefined; madeAtMs: number },
): AsyncGenerator<CopiedEntry, void, undefined> {
  const { content, source, madeAtMs } = given;
  if (content.kind === "empty" || source === undefined) return;
  if (content.kind === "file") yield { kind: "file", path: content.file.name, file: content.file, madeAtMs };
  else yield* walkFolder({ trees, madeAtMs, source }, content.digest, "");
}

async function* walkFolder(walk: Walk, digest: Digest, folder: string): AsyncGenerator<CopiedEntry, void, undefined> {
  const { trees, madeAtMs, source } = walk;
  for (const entry of await trees.entries(digest)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.kind === "file") yield { kind: "file", path, file: entry, madeAtMs };
    else if (entry.kind === "directory") {
      yield { kind: "directory", path, madeAtMs };
      yield* walkFolder(walk, entry.digest, path);
    } else if (!`${posix.join(folder, entry.target)}/`.startsWith("../")) {
      yield { kind: "symlink", path, target: entry.target, madeAtMs };
    } else {
      const target = await trees.follow(source.root, posix.join(source.path, path));
      if (target?.entry.kind === "file") yield { kind: "file", path, file: target.entry, madeAtMs };
    }
  }
}
