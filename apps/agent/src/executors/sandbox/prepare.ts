/** Lays out the folders and files that a sandbox is started from. Everything here is private to one attempt. */
import { chmodSync, chownSync, constants, copyFileSync, linkSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Layer, LayerPlan, PlacedFile } from "./layers.ts";

/** Upper and work folder of an overlay. */
export function overlayFolders(folder: string, name: string): { upper: string; work: string } {
  return { upper: join(folder, `${name}-upper`), work: join(folder, `${name}-work`) };
}

/** Makes the folders of all overlays and puts the mounted files in place. */
export function prepareLayers(folder: string, plan: LayerPlan): void {
  for (const layer of plan.layers) {
    if (layer.kind === "overlay") prepareOverlay(folder, layer);
  }
  for (const file of plan.files) placeFile(file);
}

function prepareOverlay(folder: string, layer: Extract<Layer, { kind: "overlay" }>): void {
  const { upper, work } = overlayFolders(folder, layer.folder);
  mkdirSync(upper);
  mkdirSync(work);
  // An overlay's own owner and mode are its upper folder's. Other machines' folders, such as /tmp, keep theirs.
  if (layer.lower.at(-1) === layer.path && layer.path !== "/") copyOwner(layer.path, upper);
}

function placeFile(file: PlacedFile): void {
  const parents = dirname(file.path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  mkdirSync(file.folder, { recursive: true });
  if (file.mirrors !== undefined && file.how === "link") copyOwner(file.mirrors, file.folder);
  let at = file.folder;
  let like = file.mirrors;
  for (const part of parents) {
    at = join(at, part);
    like = like === undefined ? undefined : join(like, part);
    mkdirSync(at, { recursive: true });
    if (like !== undefined) copyOwner(like, at);
  }
  const to = join(file.folder, file.path);
  rmSync(to, { force: true });
  if (file.how === "link" && tryLink(file.source, to)) return;
  copyFileSync(file.source, to, constants.COPYFILE_FICLONE);
}

/** False on another file system, and where the kernel protects files of others from being linked. */
function tryLink(source: string, to: string): boolean {
  try {
    linkSync(source, to);
    return true;
  } catch {
    return false;
  }
}

function copyOwner(from: string, to: string): void {
  try {
    const stat = statSync(from);
    chmodSync(to, stat.mode & 0o7777);
    if (process.getuid?.() === 0) chownSync(to, stat.uid, stat.gid);
  } catch {
    // Nothing there to be like: the folder is new in this run.
  }
}
