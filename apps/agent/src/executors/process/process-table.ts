/** Which processes run on this machine, on Linux and elsewhere. */
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { promisify } from "node:util";

export interface ProcessEntry {
  pid: number;
  /** Its process group. */
  group: number;
  commandLine: string;
}

/** All living processes; those that are only waited for are left out. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === "linux" ? fromProc() : fromPs();
}

function fromProc(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z" || state === "X") return [];
        const commandLine = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), group: Number(group), commandLine }];
      } catch {
        return [];
      }
    });
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,pgid=,stat=,args="], {
    maxBuffer: 1 << 26,
  });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null || match[3]?.startsWith("Z")) return [];
    return [{ pid: Number(match[1]), group: Number(match[2]), commandLine: match[4] ?? "" }];
  });
}
