/** Where this process stands in the trees of control groups, as /proc tells it. Pure. */
import { join, relative } from "node:path";

export interface CgroupMount {
  kind: "v1" | "v2";
  /** Where the tree can be seen. */
  path: string;
  /** Which group of the tree is seen there: `/` but in some containers. */
  root: string;
  /** Of the first kind only. */
  controllers: readonly string[];
}

export interface OwnCgroups {
  /** By controller of the first kind. */
  v1: ReadonlyMap<string, string>;
  v2?: string;
}

/** The lines of /proc/self/mountinfo that are trees of control groups. */
export function parseCgroupMounts(text: string): CgroupMount[] {
  return text.split("\n").flatMap((line): CgroupMount[] => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", path = ""] = before.split(" ").map(unescape);
    const [type, , options = ""] = after.split(" ");
    if (type === "cgroup2") return [{ kind: "v2", path, root, controllers: [] }];
    return type === "cgroup" ? [{ kind: "v1", path, root, controllers: options.split(",") }] : [];
  });
}

/** The lines of /proc/self/cgroup: `number:controllers:path`. */
export function parseOwnCgroups(text: string): OwnCgroups {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of text.split("\n")) {
    const [, number, controllers = "", path = ""] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (number === undefined) continue;
    if (number === "0" && controllers === "") v2 = path;
    else for (const name of controllers.split(",")) v1.set(name, path);
  }
  return { v1, ...(v2 === undefined ? {} : { v2 }) };
}

/** The folder of this process in the tree of one controller of the first kind; undefined: not to be seen from here. */
export function controllerFolder(name: string, mounts: readonly CgroupMount[], own: OwnCgroups): string | undefined {
  const mount = mounts.find((each) => each.kind === "v1" && each.controllers.includes(name));
  const path = own.v1.get(name);
  return mount === undefined || path === undefined ? undefined : folderOf(mount, path);
}

/** Where a group of the tree can be seen; undefined: it lies outside of what is mounted. */
export function folderOf(mount: CgroupMount, path: string): string | undefined {
  const below = relative(mount.root, path);
  return below.startsWith("..") ? undefined : join(mount.path, below);
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
