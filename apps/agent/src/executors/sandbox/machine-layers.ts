/** The machine's part of a run's file system: what lies under the code and the mounts. */
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Layer } from "./layers.ts";
import { dataMounts, isWithin } from "./machine-mounts.ts";
import type { MachineMount } from "./machine-mounts.ts";
import { kindOf, resolveOnMachine } from "./paths.ts";

/**
 * Folders between the machine's root and what the run writes, topmost first: the place for environments that are built once
 * and named by digest. None yet.
 */
const ENVIRONMENT_LAYERS: readonly string[] = [];

/**
 * The agent is root: everything is writable, in private. Other file systems are laid one by one because an overlay shows
 * none of what is mounted below its lower folder. `canOverlay` says whether the kernel takes a folder as a lower layer.
 */
export function rootLayers(mounts: readonly MachineMount[], canOverlay: (mount: MachineMount) => boolean): Layer[] {
  const layers: Layer[] = [{ kind: "overlay", path: "/", lower: [...ENVIRONMENT_LAYERS, "/"], folder: "root" }];
  for (const mount of dataMounts(mounts)) {
    const overlay = kindOf(mount.path) === "folder" && canOverlay(mount);
    if (overlay)
      layers.push({ kind: "overlay", path: mount.path, lower: [mount.path], folder: `disk${layers.length}` });
    else if (kindOf(mount.path) !== undefined) layers.push({ kind: "read-only", path: mount.path, source: mount.path });
  }
  return [...layers, ...resolverLayers(layers)];
}

/** Top-level folders that the sandbox lays anew. */
const OWN_FOLDERS = new Set(["dev", "proc", "sys", "tmp", "run", "spell", "lost+found"]);

/**
 * The agent is an ordinary user: the kernel refuses an overlay of the root, so the machine's folders are bound read-only
 * into an empty root. The user's home is private and writable, since the user owns it; /tmp is the attempt's own folder.
 */
export function userLayers(options: { tmpFolder: string; home?: string }): Layer[] {
  const layers: Layer[] = [{ kind: "private", path: "/tmp", source: options.tmpFolder }];
  for (const name of readdirSync("/")) {
    if (OWN_FOLDERS.has(name)) continue;
    const path = join("/", name);
    const kind = kindOf(path);
    if (kind === "symlink") layers.push({ kind: "link", path, target: readlinkSync(path) });
    if (kind === "folder") layers.push({ kind: "read-only", path, source: path });
  }
  const home = resolveOnMachine(options.home ?? homedir());
  if (ownsFolder(home) && !isWithin(home, "/tmp") && home !== "/") {
    layers.push({ kind: "overlay", path: home, lower: [home], folder: "home" });
  }
  return [...layers, ...resolverLayers(layers)];
}

function ownsFolder(path: string): boolean {
  if (kindOf(path) !== "folder") return false;
  const stat = lstatSync(path);
  return stat.uid === process.getuid?.() && stat.gid === process.getgid?.();
}

/** Names are often resolved through a file below /run, which is no part of the root file system. */
function resolverLayers(layers: readonly Layer[]): Layer[] {
  const target = resolveOnMachine("/etc/resolv.conf");
  const folder = target.slice(0, target.lastIndexOf("/"));
  if (!isWithin(target, "/run") || folder === "/run" || kindOf(folder) !== "folder") return [];
  const visible = layers.some((layer) => layer.path !== "/" && isWithin(folder, layer.path));
  const sameDisk = layers[0]?.path === "/" && statSync(folder).dev === statSync("/").dev;
  return visible || sameDisk ? [] : [{ kind: "read-only", path: folder, source: folder }];
}
