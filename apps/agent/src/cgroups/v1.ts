/** Control groups of the first kind: each controller has a tree of its own, so a run has a folder in each of them. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Cgroup, CgroupLimits, CgroupRecord, CgroupUsage, Cgroups } from "./cgroup.ts";
import { makeFolders, movePid, readCount, readNumber, readPids, removeFolder, writeIfThere } from "./files.ts";
import { killOneByOne } from "./kill-one-by-one.ts";

/** The agent's own group in each tree. */
export interface BasesV1 {
  memory: string;
  pids: string;
  /** Without a share of its own a run of thousands of processes would leave the agent nothing of the processor. */
  cpu?: string;
}

export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly keeps = { memory: true, processes: true };
  readonly #bases: BasesV1;

  constructor(bases: BasesV1) {
    this.#bases = bases;
  }

  make(name: string, limits: CgroupLimits): Cgroup {
    const { memory, pids, cpu } = this.#bases;
    const folders = [memory, pids, ...(cpu === undefined ? [] : [cpu])].map((base) => join(base, name));
    makeFolders(folders);
    const [inMemory = "", inPids = ""] = folders;
    try {
      if (limits.memoryBytes !== undefined) {
        writeFileSync(join(inMemory, "memory.limit_in_bytes"), String(limits.memoryBytes));
        // Of memory and swap together: otherwise a run at its limit goes on at the speed of the disk.
        writeIfThere(join(inMemory, "memory.memsw.limit_in_bytes"), String(limits.memoryBytes));
      }
      if (limits.processes !== undefined) writeFileSync(join(inPids, "pids.max"), String(limits.processes));
    } catch (error) {
      folders.forEach(removeFolder);
      throw error;
    }
    return new CgroupV1({ version: 1, folders });
  }

  /** Nothing to wait for. */
  expect(): void {
    return undefined;
  }
}

export class CgroupV1 implements Cgroup {
  readonly record: CgroupRecord;
  readonly bears = true;
  readonly #memory: string;
  readonly #pids: string;

  /** The folders stand in the order in which `make` puts them. */
  constructor(record: CgroupRecord) {
    this.record = record;
    [this.#memory, this.#pids] = [record.folders[0] ?? "", record.folders[1] ?? ""];
  }

  /**
   * This thread goes in itself for so long: what it starts is born there. A thread that moves itself is no matter for the whole machine,
   * as the move of another process is.
   */
  spawn<T>(start: () => T): T {
    try {
      for (const folder of this.record.folders) writeFileSync(join(folder, "tasks"), "0");
      return start();
    } finally {
      for (const folder of this.record.folders) writeFileSync(join(dirname(folder), "tasks"), "0");
    }
  }

  async enter(pid: number): Promise<void> {
    for (const folder of this.record.folders) await movePid(folder, pid);
  }

  processes(): number[] {
    return readPids(join(this.#pids, "cgroup.procs"));
  }

  usage(): CgroupUsage {
    return {
      oomKills: readCount(join(this.#memory, "memory.oom_control"), "oom_kill") ?? 0,
      refusedProcesses: readCount(join(this.#pids, "pids.events"), "max") ?? 0,
      peakMemoryBytes: readNumber(join(this.#memory, "memory.max_usage_in_bytes")),
    };
  }

  kill(): void {
    if (existsSync(this.#pids)) killOneByOne(this, join(this.#pids, "pids.max"));
  }

  remove(): boolean {
    return this.record.folders.map(removeFolder).every((gone) => gone);
  }
}
