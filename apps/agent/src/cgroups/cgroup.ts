/**
 * A control group: the kernel's own account of which processes belong to a run, whatever they call themselves, and the limits that
 * hold for all of them together. Made before the run's command starts, found again by a later agent, removed at the end.
 */

export interface CgroupLimits {
  /** Undefined: as much as the machine has. */
  memoryBytes?: number;
  /** Processes and threads at once. */
  processes?: number;
}

/** What the kernel has counted so far. */
export interface CgroupUsage {
  /** How many processes it has ended for want of memory. */
  oomKills: number;
  /** How often it has refused to make a process. */
  refusedProcesses: number;
  /** The most memory at once, what it holds of files included; undefined where the kernel does not tell. */
  peakMemoryBytes?: number;
}

/** What a later agent needs to find it again: its folders, by controller. */
export interface CgroupRecord {
  version: 1 | 2;
  folders: readonly string[];
}

export interface Cgroup {
  readonly record: CgroupRecord;
  /** Whether processes that `spawn` makes are in it from their first moment; otherwise they have to be taken in. */
  readonly bears: boolean;
  /** Calls a function that starts a process, synchronously. */
  spawn<T>(start: () => T): T;
  /** Takes a process in, and so all that it will start. Throws what the kernel says; no error when the process is gone. */
  enter(pid: number): Promise<void>;
  /** Its living processes, as the machine numbers them. */
  processes(): number[];
  usage(): CgroupUsage;
  /** SIGKILL to every process; none can be made meanwhile. They may need a moment to be gone. */
  kill(): void;
  /** Removes it. False while processes are in it. Idempotent. */
  remove(): boolean;
}

/** The control groups that this agent may make. */
export interface Cgroups {
  readonly version: 1 | 2;
  /** Which of the limits the kernel keeps for it. */
  readonly keeps: { memory: boolean; processes: boolean };
  /** One will be needed in a moment: makes the kernel ready. */
  expect(): void;
  /** Makes one with a name of its own. Throws what the kernel says. */
  make(name: string, limits: CgroupLimits): Cgroup;
}
