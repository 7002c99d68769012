/** Which processes run on this machine, on Linux and elsewhere. */
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { promisify } from "node:util";

export interface ProcessEntry {
  pid: number;
  parent: number;
  /** Its process group. */
  group: number;
  commandLine: string;
}

/** Bears the mark of its run in the environment of each of its processes. */
export const MARK_VARIABLE = "SPELL_PROCESS_OF";

/** All living processes; those that are only waited for are left out. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === "linux" ? fromProc() : fromPs();
}

/**
 * Those of a run, wherever they have gone: its group, who bears its mark, and all that descend from these. Marks are read on Linux
 * alone.
 */
export async function familyOf(group: number | undefined, mark: string): Promise<number[]> {
  const all = await listProcesses();
  const family = new Set(
    all.flatMap((entry) => (entry.group === group || bearsMark(entry.pid, mark) ? [entry.pid] : [])),
  );
  for (let before = -1; family.size > before;) {
    before = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return [...family];
}

function bearsMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${MARK_VARIABLE}=${mark}`);
  } catch {
    // Another user's, or gone.
    return false;
  }
}

function fromProc(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z" || state === "X") return [];
        const commandLine = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), parent: Number(parent), group: Number(group), commandLine }];
      } catch {
        return [];
      }
    });
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,ppid=,pgid=,stat=,args="], {
    maxBuffer: 1 << 26,
  });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null || match[4]?.startsWith("Z")) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), group: Number(match[3]), commandLine: match[5] ?? "" }];
  });
}
