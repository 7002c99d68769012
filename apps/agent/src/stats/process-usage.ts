/** What processes have used so far, as Linux's /proc tells it. One that vanishes while it is looked at counts nothing. */
import { readFile } from "node:fs/promises";

export interface ProcessUsage {
  /** Time on cores so far, milliseconds: its own and that of the children it has waited for. */
  cpuMs: number;
  memoryBytes: number;
  /** To and from disks so far, its waited-for children's included. */
  diskReadBytes: number;
  diskWrittenBytes: number;
}

/** The unit of times in /proc: a constant of the kernel's interface, whatever its own clock does. */
const TICK_MS = 10;
/** A run may have thousands of processes: only so many are looked at side by side. */
const AT_ONCE = 16;

/** The sum over these processes. */
export async function usageOf(pids: readonly number[], proc = "/proc"): Promise<ProcessUsage> {
  const sum: ProcessUsage = { cpuMs: 0, memoryBytes: 0, diskReadBytes: 0, diskWrittenBytes: 0 };
  for (let at = 0; at < pids.length; at += AT_ONCE) {
    for (const one of await Promise.all(pids.slice(at, at + AT_ONCE).map((pid) => usageOfOne(`${proc}/${pid}`)))) {
      sum.cpuMs += one.cpuMs;
      sum.memoryBytes += one.memoryBytes;
      sum.diskReadBytes += one.diskReadBytes;
      sum.diskWrittenBytes += one.diskWrittenBytes;
    }
  }
  return sum;
}

async function usageOfOne(folder: string): Promise<ProcessUsage> {
  const [stat, rollup, io] = await Promise.all([
    read(`${folder}/stat`),
    read(`${folder}/smaps_rollup`),
    read(`${folder}/io`),
  ]);
  // Without its share of shared pages, which an older kernel or a process of another user hides: all it has in memory.
  const memoryBytes = parseKib(rollup, "Pss") ?? parseKib(await read(`${folder}/status`), "VmRSS") ?? 0;
  return { cpuMs: parseCpuMs(stat) ?? 0, memoryBytes, ...parseIo(io) };
}

/** Times of a `stat` file; the name of the program in it may hold any character. Undefined for what is none. */
export function parseCpuMs(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime, stime, cutime, cstime: fields 14 to 17, counted from 1 with pid and name.
  const ticks = fields.slice(11, 15).map(Number);
  if (ticks.length < 4 || ticks.some((each) => !Number.isFinite(each))) return undefined;
  return ticks.reduce((sum, each) => sum + Math.max(0, each), 0) * TICK_MS;
}

/** A line such as `Pss:  1234 kB`, in bytes. */
export function parseKib(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:\\s+(\\d{1,15}) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** What really reached the disks, not what the caches took. */
export function parseIo(text: string): Pick<ProcessUsage, "diskReadBytes" | "diskWrittenBytes"> {
  const count = (name: string): number => Number(new RegExp(`^${name}: (\\d{1,15})$`, "m").exec(text)?.[1] ?? 0);
  return { diskReadBytes: count("read_bytes"), diskWrittenBytes: count("write_bytes") };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}
