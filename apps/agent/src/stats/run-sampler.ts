/**
 * Measures what a running attempt uses, again and again while somebody looks. The agent reports the latest sample; nothing is
 * kept of those before.
 */
import { totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { RunStats } from "@spell/rpc";
import type { GpuReader } from "./gpu-reader.ts";
import type { Traffic } from "./machine-network.ts";
import { machineTraffic } from "./machine-network.ts";
import type { ProcessUsage } from "./process-usage.ts";
import { usageOf } from "./process-usage.ts";

const EVERY_MS = 1_000;
/** The first sample is waited for: long enough for a share of a core to mean something. */
const FIRST_MS = 250;
/** Walking the memory of a huge run takes its time, and holds the run up: so many times as long it is left alone after. */
const REST_FACTOR = 4;

export interface RunSamplerOptions {
  /** The processes of the run, as the machine numbers them. */
  processes: () => Promise<readonly number[]>;
  /** What it may use; undefined: all that the machine has. */
  memoryLimitBytes?: number;
  /** Indices of the GPUs it was given. */
  gpus: readonly number[];
  gpuReader: GpuReader;
  /** There is a new sample. */
  onSample: () => void;
  onProblem: (error: unknown) => void;
}

/** What is known at one moment. */
interface Look extends ProcessUsage {
  at: number;
}

export class RunSampler {
  readonly #options: RunSamplerOptions;
  readonly #trafficBefore = machineTraffic();
  #latest: RunStats | undefined;
  #over: AbortController | undefined;

  constructor(options: RunSamplerOptions) {
    this.#options = options;
  }

  /** While it is looked at. */
  get latest(): RunStats | undefined {
    return this.#latest;
  }

  /** Repeating it is harmless. */
  start(): void {
    if (this.#over !== undefined) return;
    const over = new AbortController();
    this.#over = over;
    this.#loop(over.signal).catch((error: unknown) => {
      // Begun anew when the coordinator next says that somebody looks.
      if (this.#over === over) this.stop();
      this.#options.onProblem(error);
    });
  }

  /** Forgets the latest sample. Repeating it is harmless. */
  stop(): void {
    this.#over?.abort();
    this.#over = undefined;
    this.#latest = undefined;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { gpuReader, gpus, onSample } = this.#options;
    let before = await this.#look();
    for (let pauseMs = FIRST_MS; await pause(pauseMs, signal);) {
      const began = performance.now();
      const [now, gpuStats] = await Promise.all([this.#look(), gpuReader.read(gpus)]);
      const after = onward(before, now);
      if (signal.aborted) return;
      const memoryTotalBytes = Math.min(memoryOfMachine(), this.#options.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
      this.#latest = { ...sampleOf(before, after), memoryTotalBytes, ...this.#traffic(), gpus: gpuStats };
      onSample();
      before = after;
      pauseMs = Math.max(EVERY_MS, (after.at - began) * REST_FACTOR);
    }
  }

  async #look(): Promise<Look> {
    const usage = await usageOf(await this.#options.processes());
    return { at: performance.now(), ...usage };
  }

  #traffic(): Pick<RunStats, "networkReceivedBytes" | "networkSentBytes"> {
    const now: Traffic = machineTraffic();
    const { receivedBytes, sentBytes } = this.#trafficBefore;
    // An interface that was taken away takes its count along.
    return {
      networkReceivedBytes: Math.max(0, now.receivedBytes - receivedBytes),
      networkSentBytes: Math.max(0, now.sentBytes - sentBytes),
    };
  }
}

/** Counts only grow: a process that ended in the middle of a look is missing in it and part of its parent's in the next. */
export function onward(before: Look, now: Look): Look {
  return {
    ...now,
    cpuMs: Math.max(before.cpuMs, now.cpuMs),
    diskReadBytes: Math.max(before.diskReadBytes, now.diskReadBytes),
    diskWrittenBytes: Math.max(before.diskWrittenBytes, now.diskWrittenBytes),
  };
}

type Measured = Omit<RunStats, "gpus" | "memoryTotalBytes" | "networkReceivedBytes" | "networkSentBytes">;

export function sampleOf(before: Look, after: Look): Measured {
  const elapsedMs = Math.max(1, after.at - before.at);
  return {
    atMs: Date.now(),
    cpuPercentage: ((after.cpuMs - before.cpuMs) / elapsedMs) * 100,
    memoryBytes: after.memoryBytes,
    diskReadBytes: after.diskReadBytes,
    diskWrittenBytes: after.diskWrittenBytes,
  };
}

/** What the machine has, or the limit that the agent, and every run with it, lives under. */
function memoryOfMachine(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Whether the time passed without the signal. */
async function pause(pauseMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(pauseMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
