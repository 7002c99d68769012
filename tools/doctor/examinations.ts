/** What the doctor examines, and the command that cures each finding. */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { repositoryRoot } from "@spell/testing";
import { ask, findProgram, freeBytes, isAtLeast, isPortFree, versionIn } from "./probes.ts";

/** What came of one examination. */
export type Finding = { ok: true; found: string } | { ok: false; found: string; cure: string };

export interface Examination {
  name: string;
  /** Whether Spell or its tests cannot work without it; the rest is worth knowing. */
  needed: boolean;
  examine(): Finding | Promise<Finding>;
}

const versions = z
  .object({ node: z.string(), minimumPython: z.string(), minimumGo: z.string() })
  .parse(JSON.parse(readFileSync(join(repositoryRoot, "tools", "setup", "versions.json"), "utf8")));

const tool = (name: string): string => join(repositoryRoot, ".cache", "bin", name);

/** A program that must answer a version question. */
function program(
  name: string,
  command: string,
  args: string[],
  cure: string,
  minimum = "0",
  needed = true,
): Examination {
  const examine = (): Finding => {
    const { ok, line } = ask(findProgram(command) ?? command, args);
    if (!ok) return { ok: false, found: "missing", cure };
    const version = versionIn(line);
    if (isAtLeast(version, minimum)) return { ok: true, found: version };
    return { ok: false, found: `${version}, older than ${minimum}`, cure };
  };
  return { name, needed, examine };
}

/** A command that must succeed. */
function trial(name: string, command: string, args: string[], cure: string, needed = true): Examination {
  const examine = (): Finding => {
    const { ok, line } = ask(command, args);
    return ok ? { ok, found: "works" } : { ok, found: line, cure };
  };
  return { name, needed, examine };
}

function port(number: number, what: string): Examination {
  const examine = async (): Promise<Finding> =>
    (await isPortFree(number))
      ? { ok: true, found: "free" }
      : { ok: false, found: "in use", cure: `ss -ltnp "sport = :${number}"   # shows by whom; or give other ports` };
  return { name: `port ${number} (${what})`, needed: false, examine };
}

function disk(name: string, folder: string, wantedGiB: number): Examination {
  const examine = (): Finding => {
    const gib = freeBytes(folder) / 1024 ** 3;
    const found = `${gib.toFixed(1)} GiB free in ${folder}`;
    return gib >= wantedGiB ? { ok: true, found } : { ok: false, found, cure: `du -xh ${folder} | sort -h | tail` };
  };
  return { name, needed: true, examine };
}

const setUp = "npm run setup";
const setUpTests = "npm run setup -- --tests";
const allowNamespaces = "sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000";
const sandbox = ["--dev-bind", "/", "/", "--unshare-pid", "--unshare-ipc", "--proc", "/proc"];
const isRoot = process.getuid?.() === 0;

/** In the order they are shown. */
export const examinations: readonly Examination[] = [
  program("node", join(repositoryRoot, "node_modules", ".bin", "node"), ["--version"], setUp, versions.node),
  program("npm", "npm", ["--version"], "sudo apt-get install -y npm", "10"),
  program("python3", "python3", ["--version"], "sudo apt-get install -y python3 python3-venv", versions.minimumPython),
  program("git", "git", ["--version"], "sudo apt-get install -y git"),
  program("bash", "bash", ["--version"], "sudo apt-get install -y bash"),
  trial("set-up", process.execPath, [join(repositoryRoot, "tools", "setup", "setup.mjs"), "--check"], setUp),
  program("nats-server", tool("nats-server"), ["--version"], setUp, "2.12"),
  program("bwrap", tool("bwrap"), ["--version"], setUp, "0.11"),
  trial("trial sandbox", tool("bwrap"), [...sandbox, "true"], isRoot ? setUp : allowNamespaces),
  trial(
    "overlay in a sandbox",
    tool("bwrap"),
    [...sandbox, "--overlay-src", "/usr", "--tmp-overlay", "/mnt", "true"],
    "uname -r   # Linux 5.11 or newer with overlayfs is needed",
  ),
  trial("user namespaces", "unshare", ["--user", "true"], allowNamespaces, !isRoot),
  program("MinIO (tests)", tool("minio"), ["--version"], setUpTests, "0", false),
  program("go (builds MinIO once)", "go", ["version"], `${setUpTests}   # brings its own`, versions.minimumGo, false),
  program("ip (tests)", "ip", ["-V"], "sudo apt-get install -y iproute2", "0", false),
  port(7800, "gRPC"),
  port(7801, "HTTP"),
  port(7802, "NATS"),
  disk("disk of the clone", repositoryRoot, 2),
  disk("disk for temporary files", tmpdir(), 2),
  program(
    "GPU",
    "nvidia-smi",
    ["--query-gpu=driver_version", "--format=csv,noheader"],
    "none needed: runs use the cpu",
    "0",
    false,
  ),
];
