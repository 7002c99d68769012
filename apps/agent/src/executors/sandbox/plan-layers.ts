/** Decides from which parts a run's file system is put together. Reads the machine, changes nothing. */
import { readdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ExecutionMount } from "../executor.ts";
import type { Layer, LayerPlan, PlacedFile } from "./layers.ts";
import { inOrder } from "./layers.ts";
import { depthOf, isWithin } from "./machine-mounts.ts";
import { kindOf, resolveInFolder, resolveOnMachine } from "./paths.ts";
import { StartProblem } from "./start-problem.ts";

export interface LayerRequest {
  /** The executor's folder of the attempt, links resolved. */
  folder: string;
  /** The machine's part: root, other file systems; shallow first. */
  base: readonly Layer[];
  /** Folders and files to hide, all aliases included, links resolved. */
  hidden: readonly string[];
  /** The code, or an empty folder. */
  code: string;
  mounts: readonly ExecutionMount[];
  extras: readonly { path: string; source: string }[];
}

/** Puts the machine's part, the hidden folders, the code, the mounts and the extras together. Throws StartProblem. */
export function planLayers(request: LayerRequest): LayerPlan {
  const hidden = request.hidden.map((path): Layer => {
    // A device file bound without device rights can be neither read nor written.
    return kindOf(path) === "folder" ? { kind: "empty", path } : { kind: "read-only", path, source: "/dev/null" };
  });
  const spell: Layer = { kind: "overlay", path: "/spell", lower: [request.code], folder: "spell" };
  const layers: Layer[] = [...request.base, ...hidden, spell];
  const files: PlacedFile[] = [];
  const byDepth = [...request.mounts].sort((a, b) => depthOf(a.path) - depthOf(b.path));
  for (const [index, mount] of byDepth.filter((each) => !each.isFile).entries()) {
    const path = resolvePath(mount.path, layers);
    openReadOnly(path, layers);
    layers.push({ kind: "overlay", path, lower: [mount.source], folder: `mount${index}` });
  }
  for (const mount of byDepth.filter((each) => each.isFile)) placeFile(mount, layers, files, request.folder);
  for (const extra of request.extras) {
    const path = resolvePath(extra.path, layers);
    openReadOnly(path, layers);
    layers.push({ kind: "read-only", path, source: extra.source });
  }
  return { layers: inOrder(withoutCovered(layers, request)), files };
}

/** The path with links resolved in whatever part of the run it will lie. */
function resolvePath(path: string, layers: readonly Layer[]): string {
  const first = baseOf(path, layers);
  const atFirst = sourceOf(first);
  if (first.kind === "empty" || atFirst === undefined) return path;
  if (isMachines(first)) {
    const real = resolveOnMachine(path);
    checkFolders(real, path);
    return real;
  }
  const below = path.slice(first.path.length + 1);
  return join(first.path, resolveInFolder(atFirst, below, path));
}

/**
 * A file appears through a layer folder that holds nothing else, laid over what surrounds it: the overlay it falls into
 * (code, a mount), else one of its own on its parent folder.
 */
function placeFile(mount: ExecutionMount, layers: Layer[], files: PlacedFile[], folder: string): void {
  const path = resolvePath(mount.path, layers);
  openReadOnly(path, layers, { evenIfThere: true });
  removeCovering(path, layers);
  const base = baseOf(path, layers);
  if (base.kind === "overlay" && (!isMachines(base) || base.lower.length > 1)) {
    addToOverlay(base, path, mount.source, layers, files, folder);
    return;
  }
  const parent = dirname(path);
  const onMachine = isMachines(base) && kindOf(parent) === "folder";
  // The kernel refuses a layer that lies inside the folder below it, so there the file is copied into the upper folder.
  if (base.kind === "overlay" && onMachine && (parent === base.path || isWithin(folder, parent))) {
    const upper = join(folder, `${base.folder}-upper`);
    files.push({ source: mount.source, folder: upper, path: below(path, base.path), how: "copy", mirrors: base.path });
    return;
  }
  const overlay: Layer = {
    kind: "overlay",
    path: parent,
    lower: onMachine ? [parent] : [],
    folder: `parent${layers.length}`,
  };
  layers.push(overlay);
  addToOverlay(overlay, path, mount.source, layers, files, folder);
}

function addToOverlay(
  base: Extract<Layer, { kind: "overlay" }>,
  path: string,
  source: string,
  layers: Layer[],
  files: PlacedFile[],
  folder: string,
): void {
  const layerFolder = join(folder, `${base.folder}-files`);
  if (base.lower[0] !== layerFolder) layers[layers.indexOf(base)] = { ...base, lower: [layerFolder, ...base.lower] };
  const mirrors = sourceOf(base);
  files.push({ source, folder: layerFolder, path: below(path, base.path), how: "link", mirrors });
}

/**
 * Makes room for a path in a part that cannot be written: its deepest existing folder becomes an empty one into which the
 * machine's entries are bound one by one, so that new ones can stand beside them.
 */
function openReadOnly(path: string, layers: Layer[], options: { evenIfThere?: boolean } = {}): void {
  const base = baseOf(path, layers);
  if (base.kind !== "read-only" || (kindOf(path) === "folder" && options.evenIfThere !== true)) return;
  let folder = dirname(path);
  while (kindOf(folder) !== "folder") folder = dirname(folder);
  const names = readdirSync(folder);
  if (names.length > MOST_ENTRIES) {
    throw new StartProblem(
      `Cannot mount at ${path}: ${folder} is read-only and too large to open. Choose a path like /data.`,
    );
  }
  layers.push({ kind: "empty", path: folder });
  for (const name of names) {
    const entry = join(folder, name);
    const kind = kindOf(entry);
    if (kind === "symlink") layers.push({ kind: "link", path: entry, target: readlinkSync(entry) });
    else if (kind !== undefined && entry !== path) layers.push({ kind: "read-only", path: entry, source: entry });
  }
}

/** A file of the machine that is bound at the very path would cover the one that is placed into the folder around it. */
function removeCovering(path: string, layers: Layer[]): void {
  const covering = layers.findIndex((layer) => layer.path === path && ["read-only", "link"].includes(layer.kind));
  if (covering >= 0) layers.splice(covering, 1);
}

/** Each entry costs one bind; the start of a run should stay in the milliseconds. */
const MOST_ENTRIES = 256;

/** The deepest part that surrounds a path; of two at the same path the later. */
function baseOf(path: string, layers: readonly Layer[]): Layer {
  let best: Layer = { kind: "empty", path: "/" };
  for (const layer of layers) {
    if (layer.kind === "link" || layer.path === path || !isWithin(path, layer.path)) continue;
    if (layer.path.length >= best.path.length) best = layer;
  }
  return best;
}

/** The folder on the machine whose content shows there at the start. */
function sourceOf(layer: Layer): string | undefined {
  if (layer.kind === "overlay") return layer.lower.at(-1);
  return layer.kind === "read-only" || layer.kind === "private" ? layer.source : undefined;
}

/** Whether the run sees the machine's own folder at its own place there. */
function isMachines(layer: Layer): boolean {
  return sourceOf(layer) === layer.path;
}

function checkFolders(real: string, shown: string): void {
  for (let parent = dirname(real); parent !== "/"; parent = dirname(parent)) {
    const kind = kindOf(parent);
    if (kind === "folder") return;
    if (kind !== undefined) {
      throw new StartProblem(`Cannot mount at ${shown}: ${parent} is a file. Choose another mount path.`);
    }
  }
}

/** Leaves out the machine's own parts that a mount or a hidden folder covers anyway. */
function withoutCovered(layers: readonly Layer[], request: LayerRequest): Layer[] {
  const base = new Set(request.base);
  const covers = [...request.mounts.filter((mount) => !mount.isFile).map((mount) => mount.path), ...request.hidden];
  return layers.filter(
    (layer) => layer.path === "/" || !base.has(layer) || !covers.some((path) => isWithin(layer.path, path)),
  );
}

function below(path: string, folder: string): string {
  return path.slice(folder === "/" ? 1 : folder.length + 1);
}
