/** Files that Git LFS keeps apart: where git has left its pointer in the work tree, the file itself may lie in the repository. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { isDigest } from "@spell/domain";
import type { Digest } from "@spell/domain";

/** What stands in place of a file: the sha256 of its bytes, and how many they are. */
export interface LfsPointer {
  digest: Digest;
  sizeBytes: number;
}

/** Pointers are smaller, by the rules of Git LFS. */
export const MAX_POINTER_BYTES = 1024;

const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n$/;

/** The pointer that this text is; undefined for any other text. Pure. */
export function parseLfsPointer(text: string): LfsPointer | undefined {
  const [, oid = "", size] = POINTER.exec(text) ?? [];
  return isDigest(oid) ? { digest: oid, sizeBytes: Number(size) } : undefined;
}

/** Where a repository (its common git folder) keeps the file; undefined when it has not been fetched. */
export function findLfsFile(gitDir: string, { digest, sizeBytes }: LfsPointer): string | undefined {
  const path = join(gitDir, "lfs", "objects", digest.slice(0, 2), digest.slice(2, 4), digest);
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() && stats.size === sizeBytes ? path : undefined;
}
