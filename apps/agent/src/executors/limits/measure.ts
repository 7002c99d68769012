/** What a run uses at this moment, for limits that the kernel does not keep. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseKib, usageOf } from "../../stats/process-usage.ts";

/**
 * Bytes of memory. Pages that processes share are counted for each at first, which is cheap and never too little; only a sum above the
 * limit is worth the walk that counts them once.
 */
export async function usedMemory(pids: readonly number[], limitBytes: number): Promise<number> {
  let sum = 0;
  for (const pid of pids) sum += parseKib(await statusOf(pid), "VmRSS") ?? 0;
  return sum > limitBytes ? (await usageOf(pids)).memoryBytes : sum;
}

/** Processes and threads. */
export async function countThreads(pids: readonly number[]): Promise<number> {
  let count = 0;
  for (const pid of pids) count += Number(/^Threads:\s+(\d+)$/m.exec(await statusOf(pid))?.[1] ?? 0);
  return count;
}

/** What lies on the disk in these folders. By `du`, out of this process and behind all others: a folder may hold a million files. */
export function writtenBytes(folders: readonly string[]): Promise<number> {
  const there = folders.filter((folder) => existsSync(folder));
  if (there.length === 0) return Promise.resolve(0);
  return new Promise((resolve) => {
    // It complains of files that vanish meanwhile and of folders that are shut, and counts the others.
    execFile("nice", ["-n", "19", "du", "-skx", "--", ...there], { env: { PATH: PATHS } }, (_error, stdout) => {
      const sizes = stdout.split("\n").map((line) => Number(/^(\d+)\s/.exec(line)?.[1] ?? 0));
      resolve(sizes.reduce((sum, each) => sum + each, 0) * 1024);
    });
  });
}

const PATHS = "/usr/local/bin:/usr/bin:/bin";

async function statusOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
}
