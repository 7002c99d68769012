/** Finds out at the agent's start which control groups it may make, if any. */
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@spell/domain";
import type { Cgroup, CgroupRecord, Cgroups } from "./cgroup.ts";
import { delegatedBase } from "./delegate.ts";
import { removeFolder } from "./files.ts";
import { controllerFolder, parseCgroupMounts, parseOwnCgroups } from "./own-cgroup.ts";
import type { CgroupMount, OwnCgroups } from "./own-cgroup.ts";
import type { BasesV1 } from "./v1.ts";
import { CgroupV1, CgroupsV1 } from "./v1.ts";
import { CgroupV2, CgroupsV2 } from "./v2.ts";

export interface FoundCgroups {
  cgroups?: Cgroups;
  /** Why there are none, as a sentence. */
  missing?: string;
}

/** Begins the names of all groups that agents make, so that those which a crash left behind are known. */
export const NAME_PREFIX = "spell-run-";

/** Tries each kind by making a group of no processes. */
export function findCgroups(proc = "/proc"): FoundCgroups {
  const problems: string[] = [];
  try {
    const mounts = parseCgroupMounts(readFileSync(join(proc, "self/mountinfo"), "utf8"));
    const own = parseOwnCgroups(readFileSync(join(proc, "self/cgroup"), "utf8"));
    for (const find of [findV1, findV2]) {
      const found = tryOut(() => find(mounts, own));
      if (typeof found !== "string") return { cgroups: found };
      if (found !== "") problems.push(found);
    }
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { missing: problems.join(" ") || "This system has no control groups." };
}

/** The group of an earlier agent. */
export function openCgroup(record: CgroupRecord): Cgroup {
  return record.version === 1 ? new CgroupV1(record) : new CgroupV2(record);
}

/** The driver when it works, or why it does not; empty: there is nothing of the kind. */
function tryOut(find: () => { driver: Cgroups; bases: readonly string[] } | undefined): Cgroups | string {
  try {
    const found = find();
    if (found === undefined) return "";
    const trial = found.driver.make(`${NAME_PREFIX}trial-${randomBytes(6).toString("hex")}`, {
      memoryBytes: 2 ** 30,
      processes: 100,
    });
    trial.remove();
    for (const base of found.bases) sweep(base);
    return found.driver;
  } catch (error) {
    return `${messageOf(error)}.`;
  }
}

function findV1(mounts: readonly CgroupMount[], own: OwnCgroups): { driver: Cgroups; bases: string[] } | undefined {
  const [memory, pids, cpu] = ["memory", "pids", "cpu"].map((name) => controllerFolder(name, mounts, own));
  if (memory === undefined || pids === undefined) return undefined;
  const bases: BasesV1 = { memory, pids, ...(cpu === undefined ? {} : { cpu }) };
  return { driver: new CgroupsV1(bases), bases: Object.values(bases) as string[] };
}

function findV2(mounts: readonly CgroupMount[], own: OwnCgroups): { driver: Cgroups; bases: string[] } | undefined {
  const place = delegatedBase(mounts, own);
  return place && { driver: new CgroupsV2(place.base, place.agents), bases: [place.base] };
}

/** An agent that comes back wants the counts of a run that has ended meanwhile. */
const SWEEP_AFTER_MS = 7 * 24 * 60 * 60_000;

/** Removes groups that nobody came back for; the kernel refuses those in which a process is left. */
function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const folder = join(base, name);
    if (name.startsWith(NAME_PREFIX) && statSync(folder).mtimeMs < Date.now() - SWEEP_AFTER_MS) removeFolder(folder);
  }
}
