/**
 * What the machine's GPUs are doing, as nvidia-smi tells it: asked at most once a second, however many runs are looked at, and
 * never waited for long. A tool that is missing, fails or hangs gives no GPUs, and the rest of a sample does without.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GpuStats } from "@spell/rpc";

/** In the order of the numbers in a line: index first, name second. */
const FIELDS = [
  ...["index", "name", "temperature.gpu", "power.draw", "power.limit", "utilization.gpu", "utilization.memory"],
  ...["memory.used", "memory.total", "pstate"],
];
const FRESH_MS = 900;
const MIB = 2 ** 20;

export class GpuReader {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #limitMs: number;
  #last: { at: number; gpus: GpuStats[] } | undefined;
  #reading: { since: number; gpus: Promise<GpuStats[]> } | undefined;

  /** `limitMs`: how long an answer is waited for. */
  constructor(environment: NodeJS.ProcessEnv, limitMs = 2_000) {
    this.#environment = environment;
    this.#limitMs = limitMs;
  }

  /** The GPUs with these indices, as far as they are known. Never throws. */
  async read(indices: readonly number[]): Promise<GpuStats[]> {
    if (indices.length === 0) return [];
    const gpus = await this.#all();
    return gpus.filter(({ index }) => indices.includes(index));
  }

  async #all(): Promise<GpuStats[]> {
    const now = performance.now();
    if (this.#last !== undefined && now - this.#last.at < FRESH_MS) return this.#last.gpus;
    this.#reading ??= { since: now, gpus: this.#query() };
    const { since, gpus } = this.#reading;
    // One that hangs in the driver cannot even be killed: no second one is put beside it.
    const patienceMs = since + this.#limitMs - now;
    return patienceMs <= 0 ? [] : within(gpus, patienceMs);
  }

  async #query(): Promise<GpuStats[]> {
    let gpus: GpuStats[] = [];
    try {
      const options = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
      const { stdout } = await promisify(execFile)("nvidia-smi", options, {
        timeout: this.#limitMs,
        killSignal: "SIGKILL",
        env: this.#environment,
      });
      gpus = parseGpuStats(stdout);
    } catch {
      // Told by the absence of the GPUs in the sample.
    }
    this.#last = { at: performance.now(), gpus };
    this.#reading = undefined;
    return gpus;
  }
}

/** Lines such as `0, NVIDIA H200, 41, 101.5, 700.00, 33, 4, 1000, 80000, P0`; what is no such line is left out. */
export function parseGpuStats(listing: string): GpuStats[] {
  return listing.split("\n").flatMap((line) => {
    const parts = line.split(",").map((part) => part.trim());
    const index = Number(parts[0]);
    if (parts.length < FIELDS.length || parts[0] === "" || !Number.isInteger(index) || index < 0) return [];
    const values = parts.slice(2 - FIELDS.length);
    const [temperature, powerWatts, powerLimitWatts, utilization, memoryUtilization, used, total] = values.map(known);
    return {
      ...{ index, temperature, powerWatts, powerLimitWatts, utilization, memoryUtilization },
      // A name may hold a comma.
      name: parts.slice(1, 2 - FIELDS.length).join(", "),
      memoryBytes: used === undefined ? undefined : Math.round(used * MIB),
      memoryTotalBytes: total === undefined ? undefined : Math.round(total * MIB),
      performanceState: /^P\d{1,2}$/.exec(values.at(-1) ?? "")?.[0] ?? "",
    };
  });
}

/** `[N/A]` and `[Not Supported]` are what the driver does not know. */
function known(text: string): number | undefined {
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 && value < 1e12 ? value : undefined;
}

function within(gpus: Promise<GpuStats[]>, limitMs: number): Promise<GpuStats[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve([]), limitMs);
    void gpus.then((found) => {
      clearTimeout(timer);
      resolve(found);
    });
  });
}
