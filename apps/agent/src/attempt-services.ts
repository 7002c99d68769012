/** What every attempt on this machine shares. */
import type { Logger } from "@spell/logging";
import type { AttemptSpec, Lease } from "@spell/rpc";
import type { TreeCache, TreeTransport } from "@spell/spellfs";
import type { ExecutionSpec, Executor } from "./executors/executor.ts";
import type { LogShipper } from "./logs/log-shipper.ts";
import type { AttemptMetrics } from "./metrics/attempt-metrics.ts";
import type { GpuReader } from "./stats/gpu-reader.ts";

export interface AttemptServices {
  executor: Executor;
  cache: TreeCache;
  log: Logger;
  /** Changes when the machine is restarted. */
  bootId: string;
  /** Time between SIGTERM and SIGKILL when a run is stopped, milliseconds. */
  stopGraceMs: number;
  /** Trees, under the lease of an attempt. */
  trees: (lease: Lease) => TreeTransport;
  /** The log of an attempt: its spool, its notices, where it is archived. */
  openLog(lease: Lease, attemptDir: string): Promise<LogShipper>;
  /** From now on takes and records the points that the run sends. */
  openMetrics(lease: Lease, attemptDir: string): Promise<AttemptMetrics>;
  gpuReader: GpuReader;
  /** What of an execution follows from the spec and the lease alone. */
  executionBase(
    spec: AttemptSpec,
    lease: Lease,
  ): Pick<ExecutionSpec, "command" | "workingDirectory" | "environment" | "extras" | "hidden" | "gpus" | "limits">;
  /** Processes of a run that nothing could end. */
  leftBehind(left: { machineType: string; slots: number; pids: readonly number[] }): void;
  /** Something to report at once. */
  changed(): void;
  /** Something to report that nobody waits for. */
  changedUnhurried(): void;
}
