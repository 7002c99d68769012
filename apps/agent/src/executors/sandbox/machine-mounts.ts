/** What is mounted on this machine, and which of it a run should see besides the root file system. */

/** One line of /proc/self/mountinfo. */
export interface MachineMount {
  /** major:minor of the file system. */
  device: string;
  /** The folder of that file system which is mounted. */
  root: string;
  /** Where it is mounted. */
  path: string;
  /** For example `ext4`. */
  type: string;
}

/** File systems that hold users' data; everything else mounted is plumbing that the sandbox lays anew or leaves out. */
const DATA_TYPES =
  /^(ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|jfs|reiserfs|nfs4?|cifs|smb3|ceph|lustre|gpfs|beegfs|glusterfs|9p|virtiofs|vfat|exfat|ntfs3?|fuse\.(?!portal|gvfs|lxcfs|snapfuse|squashfuse).*|fuseblk)$/;

/** Reads the text of /proc/self/mountinfo. Lines it does not understand are left out. */
export function parseMountInfo(text: string): MachineMount[] {
  const mounts: MachineMount[] = [];
  for (const line of text.split("\n")) {
    const [left = "", right] = line.split(" - ");
    const [, , device, root, path] = left.split(" ");
    const type = right?.split(" ")[0];
    if (device === undefined || root === undefined || path === undefined || type === undefined) continue;
    mounts.push({ device, root: unescapeOctal(root), path: unescapeOctal(path), type });
  }
  return mounts;
}

/** The mounts that a run should see, shallow ones first: users' data, and a /tmp in memory. The root itself is not among them. */
export function dataMounts(mounts: readonly MachineMount[]): MachineMount[] {
  const byPath = new Map<string, MachineMount>();
  // A later mount at the same path covers the earlier one.
  for (const mount of mounts) byPath.set(mount.path, mount);
  return [...byPath.values()]
    .filter((mount) => mount.path !== "/" && !/^\/(proc|sys|dev|spell)(\/|$)/.test(mount.path))
    .filter((mount) => DATA_TYPES.test(mount.type) || (mount.type === "tmpfs" && mount.path === "/tmp"))
    .sort((a, b) => depthOf(a.path) - depthOf(b.path));
}

/**
 * Every path at which the folder `hidden` can be seen: its own, and those where the same file system (or a part of it)
 * is mounted a second time.
 */
export function aliasesOf(hidden: string, mounts: readonly MachineMount[]): string[] {
  const home = mounts
    .filter((mount) => isWithin(hidden, mount.path))
    .sort((a, b) => b.path.length - a.path.length)
    .at(0);
  if (home === undefined) return [hidden];
  const inFileSystem = joinPath(home.root, hidden.slice(home.path === "/" ? 0 : home.path.length));
  const aliases = new Set([hidden]);
  for (const mount of mounts) {
    if (mount.device !== home.device) continue;
    if (isWithin(inFileSystem, mount.root)) {
      aliases.add(joinPath(mount.path, inFileSystem.slice(mount.root === "/" ? 0 : mount.root.length)));
    } else if (isWithin(mount.root, inFileSystem)) {
      aliases.add(mount.path);
    }
  }
  return [...aliases];
}

/** Whether `path` is `folder` or lies below it; both absolute and normalised. */
export function isWithin(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

/** How many folders deep an absolute path is; `/` is 0. */
export function depthOf(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}

function joinPath(folder: string, rest: string): string {
  const joined = `${folder === "/" ? "" : folder}/${rest.replace(/^\/+/, "")}`;
  return joined === "/" ? joined : joined.replace(/\/+$/, "");
}

/** The kernel writes spaces, tabs, newlines and backslashes of paths as \ooo. */
function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
