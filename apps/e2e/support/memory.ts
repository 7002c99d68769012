/** The most memory that a process took: the kernel's own figure, so nothing in between is missed. */
import { readFileSync, writeFileSync } from "node:fs";

/** What is resident now, MiB; `peakMebibytes` begins anew from it. */
export function resetPeak(pid: number): number {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return peakMebibytes(pid);
}

/** The most that was resident since the last `resetPeak`, MiB. */
export function peakMebibytes(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) / 1024;
}
