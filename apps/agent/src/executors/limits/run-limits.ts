/** What one run may use of its machine, and the sentences about one that wanted more. Pure. */
import { sizeText } from "@spell/domain";
import type { CgroupUsage } from "../../cgroups/cgroup.ts";

/** Undefined: as much as there is. */
export interface RunLimits {
  memoryBytes?: number;
  /** Processes and threads at once. */
  processes?: number;
  /** What it may have written to the machine's disks at once. */
  diskBytes?: number;
}

/** Why a run was ended that wanted more than it may have. */
export interface LimitReason {
  code: "out-of-memory" | "too-many-processes" | "disk-quota";
  sentence: string;
}

/** What the kernel's count says of the end of a run that it had to take processes from; undefined: it took none. */
export function outOfMemory(usage: CgroupUsage, limits: RunLimits): LimitReason | undefined {
  if (usage.oomKills === 0) return undefined;
  const ended = usage.oomKills === 1 ? "a process" : `${usage.oomKills} processes`;
  const peak = usage.peakMemoryBytes === undefined ? "" : ` It used up to ${sizeText(usage.peakMemoryBytes)} at once.`;
  const sentence =
    limits.memoryBytes === undefined
      ? `The machine was out of memory, and the kernel ended ${ended} of the run.${peak}`
      : `The run needed more than the ${sizeText(limits.memoryBytes)} of memory that it may use, and the kernel ended ${ended} of it.${peak}`;
  return { code: "out-of-memory", sentence };
}

/** The agent itself has seen that the run uses too much, where the kernel does not keep the limit. */
export function tooMuchMemory(usedBytes: number, limitBytes: number): LimitReason {
  const sentence = `The run used ${sizeText(usedBytes)} of memory, more than the ${sizeText(limitBytes)} that it may use, and was ended.`;
  return { code: "out-of-memory", sentence };
}

/** The same of processes. */
export function tooManyProcesses(count: number, limit: number): LimitReason {
  const sentence = `The run had ${count} processes and threads, more than the ${limit} that it may have, and was ended.`;
  return { code: "too-many-processes", sentence };
}

/** The same of what it wrote. */
export function tooMuchWritten(writtenBytes: number, limitBytes: number): LimitReason {
  const sentence = `The run has ${sizeText(writtenBytes)} written to the disk, more than the ${sizeText(limitBytes)} that it may write, and was ended.`;
  return { code: "disk-quota", sentence };
}

/** For the log of a run whose processes the kernel keeps within the limit. */
export function refusedProcesses(limit: number): string {
  return `The run has reached its limit of ${limit} processes and threads (too-many-processes): the system refuses it more.`;
}
