/** Control groups of the second kind: one tree for all controllers, and one file that ends everybody. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup, CgroupLimits, CgroupRecord, CgroupUsage, Cgroups } from "./cgroup.ts";
import { makeFolders, movePid, readCount, readNumber, readPids, removeFolder, writeIfThere } from "./files.ts";
import { killOneByOne } from "./kill-one-by-one.ts";

export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  readonly keeps = { memory: true, processes: true };
  readonly #base: string;
  readonly #agentsFolder: string;

  /** `base` must hand the controllers memory and pids on to the groups below it; `agentsFolder` is the group of this process. */
  constructor(base: string, agentsFolder: string) {
    this.#base = base;
    this.#agentsFolder = agentsFolder;
  }

  make(name: string, limits: CgroupLimits): Cgroup {
    const folder = join(this.#base, name);
    makeFolders([folder]);
    try {
      if (limits.memoryBytes !== undefined) {
        writeFileSync(join(folder, "memory.max"), String(limits.memoryBytes));
        // Otherwise a run at its limit goes on at the speed of the disk, and takes everybody's.
        writeIfThere(join(folder, "memory.swap.max"), "0");
      }
      if (limits.processes !== undefined) writeFileSync(join(folder, "pids.max"), String(limits.processes));
    } catch (error) {
      removeFolder(folder);
      throw error;
    }
    return new CgroupV2({ version: 2, folders: [folder] });
  }

  /** After a while without moves the kernel lets the next one wait for about 10 ms: this one, which changes nothing, does the waiting. */
  expect(): void {
    void movePid(this.#agentsFolder, process.pid).catch(() => undefined);
  }
}

export class CgroupV2 implements Cgroup {
  readonly record: CgroupRecord;
  readonly bears = false;
  readonly #folder: string;

  constructor(record: CgroupRecord) {
    this.record = record;
    this.#folder = record.folders[0] ?? "";
  }

  spawn<T>(start: () => T): T {
    return start();
  }

  enter(pid: number): Promise<void> {
    return movePid(this.#folder, pid);
  }

  processes(): number[] {
    return readPids(join(this.#folder, "cgroup.procs"));
  }

  usage(): CgroupUsage {
    return {
      oomKills: readCount(join(this.#folder, "memory.events"), "oom_kill") ?? 0,
      refusedProcesses: readCount(join(this.#folder, "pids.events"), "max") ?? 0,
      peakMemoryBytes: readNumber(join(this.#folder, "memory.peak")),
    };
  }

  kill(): void {
    const file = join(this.#folder, "cgroup.kill");
    if (existsSync(file)) writeFileSync(file, "1");
    // Linux before 5.14.
    else killOneByOne(this, join(this.#folder, "pids.max"));
  }

  remove(): boolean {
    return removeFolder(this.#folder);
  }
}
