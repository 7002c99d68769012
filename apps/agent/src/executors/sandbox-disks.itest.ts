/** What a run sees of other disks of the machine: tried in a mount namespace of its own, so none is left mounted. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolPath } from "@spell/testing";
import { expect, test } from "vitest";
import { executorBench } from "./contract/bench.ts";
import { SandboxExecutor } from "./sandbox.ts";
import type { UserReport } from "./user-helper.ts";

const mayMount = process.getuid?.() === 0 && existsSync("/usr/sbin/mkfs.ext4") && existsSync("/dev/loop0");

test.skipIf(!mayMount)(
  "other disks are visible, writable in private, and hide what is hidden on each of their mounts",
  async () => {
    await using bench = await executorBench(new SandboxExecutor({ bwrap: toolPath("bwrap") }));
    const [image, disk, again] = ["disk.img", "my disk", "again"].map((name) => join(bench.path, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [disk, again]) mkdirSync(folder);
    const command = [
      `cd '${disk}'; cat data.txt; echo run >> data.txt; cat data.txt; cat '${again}/data.txt'`,
      `ls '${disk}/agent' '${again}/agent'; cat given/train.py; echo end`,
    ].join("; ");
    const spec = bench.spec(command, {
      hidden: [join(disk, "agent")],
      mounts: [{ path: `${disk}/given`, isFile: false, source: join(bench.code, "proj") }],
    });
    const script = [
      `set -e; truncate -s 16M '${image}'; /usr/sbin/mkfs.ext4 -q '${image}'; mount -o loop '${image}' '${disk}'`,
      `mount --bind '${disk}' '${again}'; echo disk > '${disk}/data.txt'; mkdir '${disk}/agent'; echo SECRET > '${disk}/agent/token'`,
      `"$@"; cat '${disk}/data.txt' > '${bench.path}/after'; umount '${again}' '${disk}'`,
    ].join("\n");
    const helper = fileURLToPath(new URL("user-helper.ts", import.meta.url));
    const program = [process.execPath, helper, toolPath("bwrap"), JSON.stringify(spec)];
    const printed = execFileSync("unshare", ["--mount", "sh", "-c", script, "sh", ...program], {
      encoding: "utf8",
    });
    const report = JSON.parse(printed) as UserReport;
    expect(report.problem).toBeUndefined();
    expect(report.output).toBe(`disk\ndisk\nrun\ndisk\n${again}/agent:\n\n${disk}/agent:\nprint(1)\nend\n`);
    expect(report.left).toEqual(["output.log"]);
    expect(execFileSync("cat", [join(bench.path, "after")], { encoding: "utf8" })).toBe("disk\n");
  },
);
