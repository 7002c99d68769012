import { expect, test } from "vitest";
import { aliasesOf, dataMounts, isWithin, parseMountInfo } from "./machine-mounts.ts";

const TEXT = String.raw`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 8:1 / /data rw - xfs /dev/sda1 rw
31 27 8:1 /agent/cache /mnt/the\040cache rw - xfs /dev/sda1 rw
32 27 8:1 / /again rw - xfs /dev/sda1 rw
33 27 0:40 / /tmp rw - tmpfs tmpfs rw
34 27 0:41 / /run rw - tmpfs tmpfs rw
35 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
36 30 0:50 / /data/nfs rw master:5 - nfs4 server:/x rw
37 27 0:51 / /home/me/.gvfs rw - fuse.gvfsd-fuse gvfsd rw
38 30 8:2 / /data rw - ext4 /dev/sda2 rw
half a line
`;

test("mounts are read with their escapes; lines without sense are left out", () => {
  const mounts = parseMountInfo(TEXT);
  expect(mounts).toHaveLength(11);
  expect(mounts[1]).toEqual({ device: "254:0", root: "/", path: "/", type: "ext4" });
  expect(mounts[3]).toEqual({ device: "8:1", root: "/agent/cache", path: "/mnt/the cache", type: "xfs" });
});

test("a run sees users' file systems and a /tmp in memory, shallow ones first, of two at one path the upper", () => {
  const shown = dataMounts(parseMountInfo(TEXT)).map((mount) => `${mount.type} ${mount.path}`);
  expect(shown).toEqual(["ext4 /data", "xfs /again", "tmpfs /tmp", "xfs /mnt/the cache", "nfs4 /data/nfs"]);
});

test("a hidden folder is hidden wherever its file system shows", () => {
  const mounts = parseMountInfo(TEXT).slice(0, 5);
  expect(aliasesOf("/data/agent", mounts).sort()).toEqual(["/again/agent", "/data/agent", "/mnt/the cache"]);
  expect(aliasesOf("/data/agent/cache/x", mounts).sort()).toEqual([
    "/again/agent/cache/x",
    "/data/agent/cache/x",
    "/mnt/the cache/x",
  ]);
  expect(aliasesOf("/var/lib/agent", mounts)).toEqual(["/var/lib/agent"]);
});

test.each([
  ["/a/b", "/a", true],
  ["/a", "/a", true],
  ["/ab", "/a", false],
  ["/a", "/", true],
])("%s within %s: %s", (path, folder, expected) => {
  expect(isWithin(path, folder)).toBe(expected);
});
