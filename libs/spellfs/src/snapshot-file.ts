/** The files of a snapshot: known from an earlier one, small or large, or kept apart by Git LFS. */
import { join } from "node:path";
import type { Stats } from "node:fs";
import { commonGitDir } from "./git-files.ts";
import { MAX_POINTER_BYTES, findLfsFile, parseLfsPointer } from "./git-lfs.ts";
import type { LfsPointer } from "./git-lfs.ts";
import { SYNC_READ_BYTES, hashFile, hashSmallFile } from "./hash-file.ts";
import type { HashedFile } from "./hash-file.ts";
import { passOverGone, refuse, unlessGone } from "./snapshot-walk.ts";
import type { Found, Walk } from "./snapshot-walk.ts";

/** Adds it now, or to what is pending. */
export function addFile(walk: Walk, found: Found): void {
  const { name, path, place, index, stats } = found;
  const known = index?.find(name, stats);
  if (known !== undefined) {
    const file = { digest: known, sizeBytes: stats.size, executable: isExecutable(stats) };
    return addHashed(walk, found, file);
  }
  const pointer = place.repository === undefined ? undefined : unlessGone(() => readPointer(found));
  if (pointer === "gone") return;
  if (pointer !== undefined) {
    found.pending.push(addLfsFile(walk, found, pointer));
    return;
  }
  const keep = (hashed: HashedFile): void => {
    index?.keep(name, { stats, digest: hashed.digest });
    addHashed(walk, found, hashed);
  };
  const request = { openPath: place.folder.pathOf(name), shownPath: path, signal: walk.signal };
  const small = stats.size <= SYNC_READ_BYTES ? unlessGone(() => hashSmallFile(request)) : undefined;
  if (small === "gone") return;
  if (small !== undefined) keep(small);
  else found.pending.push(walk.limit(() => hashFile(request).then(keep, passOverGone)));
}

/** `local`: where its bytes lie, when not in the place where it was found. */
function addHashed(walk: Walk, { entries, name, path }: Found, file: HashedFile & { local?: string }): void {
  const { local = `${walk.directory}/${path}`, digest, sizeBytes, executable } = file;
  entries.push({ kind: "file", name, digest, sizeBytes, executable });
  walk.snapshot.files.set(digest, { path: local, sizeBytes });
  walk.snapshot.fileCount += 1;
  walk.snapshot.totalBytes += sizeBytes;
  walk.onProgress?.(walk.snapshot);
}

function readPointer({ place, name, stats }: Found): LfsPointer | undefined {
  if (stats.size > MAX_POINTER_BYTES) return undefined;
  return parseLfsPointer(place.folder.readSmallText(name) ?? "");
}

/** The file itself where git has it, else its pointer as it stands, and a word about it. */
async function addLfsFile(walk: Walk, found: Found, pointer: LfsPointer): Promise<void> {
  const { path, place, name, stats } = found;
  const { repository = { path: "" } } = place;
  repository.gitDir ??= commonGitDir(join(walk.directory, repository.path), walk.signal);
  const local = findLfsFile(await repository.gitDir, pointer);
  const openPath = local ?? place.folder.pathOf(name);
  const hashed = await walk.limit(() => hashFile({ openPath, shownPath: path, signal: walk.signal }));
  if (local !== undefined && hashed.digest !== pointer.digest) {
    throw refuse(path, "Git LFS holds other bytes than those that its pointer names (git lfs fsck tells more)");
  }
  if (local === undefined) {
    walk.snapshot.skipped.push({ path, why: "only its Git LFS pointer is here and was sent: git lfs pull" });
  }
  addHashed(walk, found, { ...hashed, executable: isExecutable(stats), local });
}

function isExecutable({ mode }: Stats): boolean {
  return (mode & 0o111) !== 0;
}
