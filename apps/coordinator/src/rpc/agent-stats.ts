/** A sample of what a run uses, as its agent sent it: what is no proper number becomes one. Pure. */
import type { GpuStats as GpuStatsMessage, RunStats as RunStatsMessage } from "@spell/rpc";
import type { GpuStats, RunStats } from "@spell/run-lifecycle";

/** No machine has more. */
const MAX_GPUS = 64;
const MAX_NAME = 200;
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;

export function toStats(message: RunStatsMessage | undefined): RunStats | undefined {
  if (message === undefined) return undefined;
  const { gpus, ...numbers } = message;
  return {
    atMs: proper(numbers.atMs),
    cpuPercentage: proper(numbers.cpuPercentage),
    memoryBytes: whole(numbers.memoryBytes),
    memoryTotalBytes: whole(numbers.memoryTotalBytes),
    networkReceivedBytes: whole(numbers.networkReceivedBytes),
    networkSentBytes: whole(numbers.networkSentBytes),
    diskReadBytes: whole(numbers.diskReadBytes),
    diskWrittenBytes: whole(numbers.diskWrittenBytes),
    gpus: gpus.slice(0, MAX_GPUS).map(toGpu),
  };
}

function toGpu(gpu: GpuStatsMessage): GpuStats {
  return {
    index: whole(gpu.index),
    name: gpu.name.slice(0, MAX_NAME),
    temperature: ifKnown(gpu.temperature),
    powerWatts: ifKnown(gpu.powerWatts),
    powerLimitWatts: ifKnown(gpu.powerLimitWatts),
    utilization: ifKnown(gpu.utilization),
    memoryUtilization: ifKnown(gpu.memoryUtilization),
    memoryBytes: ifKnown(gpu.memoryBytes),
    memoryTotalBytes: ifKnown(gpu.memoryTotalBytes),
    performanceState: gpu.performanceState.slice(0, 8),
  };
}

function ifKnown(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value) ? undefined : proper(value);
}

function proper(value: number): number {
  return Number.isFinite(value) ? Math.min(MAX_NUMBER, Math.max(0, value)) : 0;
}

function whole(value: number): number {
  return Math.round(proper(value));
}
