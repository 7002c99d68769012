/** What /proc tells of control groups, on systems of each kind. */
import { expect, test } from "vitest";
import { controllerFolder, folderOf, parseCgroupMounts, parseOwnCgroups } from "./own-cgroup.ts";

test("a system of the second kind", () => {
  const mounts = parseCgroupMounts(
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n25 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
  );
  const own = parseOwnCgroups("0::/user.slice/user-1000.slice/user@1000.service/app.slice/spell.scope\n");
  expect(mounts).toEqual([{ kind: "v2", path: "/sys/fs/cgroup", root: "/", controllers: [] }]);
  const [mount] = mounts;
  expect(mount && folderOf(mount, own.v2 ?? "")).toBe(
    "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/spell.scope",
  );
  expect(controllerFolder("memory", mounts, own)).toBeUndefined();
});

test("a system of the first kind, with two controllers in one tree", () => {
  const mounts = parseCgroupMounts(
    [
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
    ].join("\n"),
  );
  const own = parseOwnCgroups("4:memory:/jobs/a:b\n3:cpu,cpuacct:/\n2:name=systemd:/x\n0::/\n");
  expect(controllerFolder("memory", mounts, own)).toBe("/sys/fs/cgroup/memory/jobs/a:b");
  expect(controllerFolder("cpu", mounts, own)).toBe("/sys/fs/cgroup/cpu,cpuacct");
  expect(controllerFolder("pids", mounts, own)).toBeUndefined();
});

test("a container that sees only a part of the tree", () => {
  const [mount] = parseCgroupMounts("1 2 0:3 /docker/abc /sys/fs/cgroup\\040x ro - cgroup2 cgroup ro");
  expect(mount).toMatchObject({ root: "/docker/abc", path: "/sys/fs/cgroup x" });
  expect(mount && folderOf(mount, "/docker/abc/run")).toBe("/sys/fs/cgroup x/run");
  expect(mount && folderOf(mount, "/elsewhere")).toBeUndefined();
});

test.each(["", "\n", "nonsense", "4:memory", "a b - cgroup2"])(
  "%j is no such text, and nothing comes of it",
  (text) => {
    expect(parseOwnCgroups(text).v2).toBeUndefined();
    expect(() => parseCgroupMounts(text)).not.toThrow();
  },
);
