/**
 * The place of an agent's groups in a tree of the second kind. The kernel hands controllers on only from a group that holds no process
 * itself, so the agent moves into a group beside those of its runs: below its own, which the system must have left to it (systemd:
 * `Delegate=yes`). Root on the machine itself needs no leave and makes a group at the top.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { SpellError } from "@spell/domain";
import { readPids, readText } from "./files.ts";
import { folderOf } from "./own-cgroup.ts";
import type { CgroupMount, OwnCgroups } from "./own-cgroup.ts";

const NEEDED = ["memory", "pids"];
/** Where the kernel has it, each run gets a share of the processor of its own. */
const WELCOME = ["cpu"];
/** The agent's own, beside those of its runs. */
const AGENTS_GROUP = "spell-agent";
/** Of root, at the top of the tree. */
const ROOTS_GROUP = "spell";

export interface Delegated {
  /** A group that hands on what runs need. */
  base: string;
  /** The agent's own. */
  agents: string;
}

/** Makes the place ready. Undefined: no such tree. Throws why it cannot be had. */
export function delegatedBase(mounts: readonly CgroupMount[], own: OwnCgroups): Delegated | undefined {
  const mount = mounts.find((each) => each.kind === "v2");
  if (mount === undefined || own.v2 === undefined) return undefined;
  const mine = folderOf(mount, own.v2);
  if (mine === undefined) return undefined;
  const atTop = process.getuid?.() === 0 && isWholeMachine(mount.path);
  const base = atTop ? join(mount.path, ROOTS_GROUP) : baseAt(mine);
  if (atTop) {
    if (!existsSync(base)) mkdirSync(base);
    handOn(mount.path);
  }
  const offered = words(join(base, "cgroup.controllers"));
  const lacking = NEEDED.filter((name) => !offered.includes(name));
  if (lacking.length > 0) {
    throw new SpellError("conflict", `The control group ${base} has no controller for ${lacking.join(" and ")}`);
  }
  const isOut = handsOn(base) || !moveOut(base);
  handOn(base);
  return { base, agents: isOut ? mine : join(base, AGENTS_GROUP) };
}

/** An earlier agent, or the system, has put this one into the group beside the runs already. */
function baseAt(mine: string): string {
  return basename(mine) === AGENTS_GROUP ? dirname(mine) : mine;
}

function handsOn(folder: string): boolean {
  const handed = words(join(folder, "cgroup.subtree_control"));
  return NEEDED.every((name) => handed.includes(name));
}

function handOn(folder: string): void {
  const offered = words(join(folder, "cgroup.controllers"));
  const handed = words(join(folder, "cgroup.subtree_control"));
  const more = [...NEEDED, ...WELCOME].filter((name) => offered.includes(name) && !handed.includes(name));
  if (more.length > 0) writeFileSync(join(folder, "cgroup.subtree_control"), more.map((name) => `+${name}`).join(" "));
}

/** All that is in it, if any: where the system leaves a group to the agent, that is the agent and those who started it. */
function moveOut(base: string): boolean {
  const pids = readPids(join(base, "cgroup.procs"));
  if (pids.length === 0) return false;
  const beside = join(base, AGENTS_GROUP);
  if (!existsSync(beside)) mkdirSync(beside);
  for (const pid of pids) writeFileSync(join(beside, "cgroup.procs"), String(pid));
  return true;
}

/** The top of the machine's tree lacks the files that limit a group. */
function isWholeMachine(path: string): boolean {
  return !existsSync(join(path, "cgroup.type"));
}

function words(path: string): string[] {
  return (readText(path) ?? "").trim().split(/\s+/);
}
