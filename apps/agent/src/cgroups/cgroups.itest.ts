/** Control groups: on this machine's kernel where it lets us, and on folders that look like a tree of the second kind. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Cgroup } from "./cgroup.ts";
import { delegatedBase } from "./delegate.ts";
import { NAME_PREFIX, findCgroups, openCgroup } from "./find.ts";
import { parseCgroupMounts } from "./own-cgroup.ts";
import { CgroupV2, CgroupsV2 } from "./v2.ts";

const { cgroups, missing } = findCgroups();
const isRoot = process.getuid?.() === 0;

/** A shell in the group that makes processes as fast as it can. */
async function growIn(group: Cgroup): Promise<ChildProcess> {
  const source = "read -r go; for i in $(seq 200); do (setsid sleep 66 &); done; sleep 66";
  const shell = group.spawn(() => spawn("/bin/sh", ["-c", source], { stdio: ["pipe", "ignore", "ignore"] }));
  if (!group.bears) await group.enter(shell.pid ?? 0);
  shell.stdin?.on("error", () => undefined).end("go\n");
  return shell;
}

async function growsAndIsKilled(group: Cgroup): Promise<void> {
  const shell = await growIn(group);
  const gone = new Promise((resolve) => shell.once("exit", resolve));
  await waitFor("many processes", () => group.processes().length > 20);
  expect(group.remove()).toBe(false);
  openCgroup(group.record).kill();
  await gone;
  await waitFor("the end of all", () => group.processes().length === 0);
  await waitFor("the group to be empty", () => group.remove());
  expect(group.remove()).toBe(true);
  expect(group.record.folders.filter((folder) => existsSync(folder))).toEqual([]);
}

test("there are some on this machine, or the reason why not is a sentence", () => {
  expect(cgroups === undefined ? missing : "").toMatch(cgroups === undefined ? /.{20,}\.$/ : /^$/);
});

describe.skipIf(cgroups === undefined)("on this machine", () => {
  const make = (limits = {}): Cgroup => {
    const group = cgroups?.make(`${NAME_PREFIX}test-${process.pid}-${Math.random().toString(36).slice(2)}`, limits);
    if (group === undefined) throw new Error("no control groups");
    onTestFinished(() => {
      group.kill();
      group.remove();
    });
    return group;
  };

  test("all that came of a process is in its group, and ends at once", () => growsAndIsKilled(make()));

  test("whoever starts something in a group is where it was before", () => {
    const before = readFileSync("/proc/thread-self/cgroup", "utf8");
    const group = make();
    const seen = group.spawn(() => readFileSync("/proc/thread-self/cgroup", "utf8"));
    expect(seen === before).toBe(!group.bears);
    expect(() =>
      group.spawn(() => {
        throw new Error("no such program");
      }),
    ).toThrow("no such program");
    expect(readFileSync("/proc/thread-self/cgroup", "utf8")).toBe(before);
  });

  test("a process that has ended meanwhile is no error, one that cannot be had is", async () => {
    const group = make();
    await group.enter(2 ** 22 - 1);
    group.remove();
    await expect(group.enter(process.pid)).rejects.toThrow(/ENOENT/);
  });
});

test("a tree of the second kind ends all in a group at once", async () => {
  const mount = parseCgroupMounts(readFileSync("/proc/self/mountinfo", "utf8")).find(({ kind }) => kind === "v2");
  const folder = join(mount?.path ?? "/nowhere", `${NAME_PREFIX}test-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch {
    // No such tree, or not ours.
    return;
  }
  onTestFinished(() => {
    if (existsSync(folder)) rmdirSync(folder);
  });
  await growsAndIsKilled(new CgroupV2({ version: 2, folders: [folder] }));
});

test("limits and counts of the second kind are the kernel's files", async () => {
  await using tree = await tempFolder("spell-cgroup-");
  const group = new CgroupsV2(tree.path, tree.path).make("run", { memoryBytes: 2 ** 30, processes: 77 });
  const file = (name: string): string => join(tree.path, "run", name);
  expect(readFileSync(file("memory.max"), "utf8")).toBe(String(2 ** 30));
  expect(readFileSync(file("pids.max"), "utf8")).toBe("77");
  expect(group.usage()).toEqual({ oomKills: 0, refusedProcesses: 0, peakMemoryBytes: undefined });
  writeFileSync(file("memory.events"), "low 0\nhigh 0\nmax 99\noom 3\noom_kill 2\noom_group_kill 0\n");
  writeFileSync(file("pids.events"), "max 5\n");
  writeFileSync(file("memory.peak"), "123456\n");
  writeFileSync(file("cgroup.procs"), "0\n12\n345\n");
  expect(group.usage()).toEqual({ oomKills: 2, refusedProcesses: 5, peakMemoryBytes: 123_456 });
  expect(group.processes()).toEqual([12, 345]);
});

describe("the agent's place in a tree of the second kind", () => {
  /** A folder with the files that decide. */
  function groupAt(path: string, controllers: string, handed = ""): void {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "cgroup.type"), "domain\n");
    writeFileSync(join(path, "cgroup.controllers"), controllers);
    writeFileSync(join(path, "cgroup.subtree_control"), handed);
    writeFileSync(join(path, "cgroup.procs"), "41\n42\n");
  }
  const find = (path: string, mine: string) =>
    delegatedBase([{ kind: "v2", path, root: "/", controllers: [] }], { v1: new Map(), v2: mine });

  test("a group that was left to it: it moves beside its runs", async () => {
    await using tree = await tempFolder("spell-cgroup-");
    groupAt(tree.path, "cpu memory pids", "cpu memory pids");
    const mine = join(tree.path, "spell.scope");
    groupAt(mine, "cpu memory pids");
    expect(find(tree.path, "/spell.scope")).toEqual({ base: mine, agents: join(mine, "spell-agent") });
    expect(readFileSync(join(mine, "cgroup.subtree_control"), "utf8")).toBe("+memory +pids +cpu");
    expect(readFileSync(join(mine, "spell-agent/cgroup.procs"), "utf8")).toBe("42");
    // The next agent is started where this one is.
    writeFileSync(join(mine, "cgroup.subtree_control"), "cpu memory pids");
    expect(find(tree.path, "/spell.scope/spell-agent")).toMatchObject({ base: mine });
  });

  test("a group without the controllers is refused by name, and left as it was", async () => {
    await using tree = await tempFolder("spell-cgroup-");
    groupAt(tree.path, "cpu memory", "cpu");
    groupAt(join(tree.path, "a"), "cpu");
    expect(() => find(tree.path, "/a")).toThrow(/\/a has no controller for memory and pids$/);
    expect(readdirSync(join(tree.path, "a"))).not.toContain("spell-agent");
  });

  test.skipIf(!isRoot)("root on the whole machine makes a group at the top", async () => {
    await using tree = await tempFolder("spell-cgroup-");
    groupAt(join(tree.path, "spell"), "memory pids", "memory pids");
    writeFileSync(join(tree.path, "cgroup.controllers"), "cpu memory pids");
    writeFileSync(join(tree.path, "cgroup.subtree_control"), "cpu memory pids");
    expect(find(tree.path, "/system.slice/ssh.service")).toMatchObject({ base: join(tree.path, "spell") });
  });

  test("no tree, or one that shows another part", () => {
    expect(delegatedBase([], { v1: new Map(), v2: "/" })).toBeUndefined();
    const mounts = [{ kind: "v2" as const, path: "/x", root: "/a", controllers: [] }];
    expect(delegatedBase(mounts, { v1: new Map(), v2: "/b" })).toBeUndefined();
  });
});
