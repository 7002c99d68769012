/** What a run uses, as text: the tables that scripts have known. Pure. */
import type { RunStats } from "@spell/sdk";
import { oneLine } from "./clean-text.ts";
import { formatTable } from "./format.ts";

const CPU_HEADINGS = ["CPU %", "MEM %", "MEM Usage / MEM Total", "Network I/O", "Block I/O"];
const GPU_HEADINGS = [
  ...["GPU Name", "Temperature", "Performance State", "PWR Usage / PWR Limit"],
  ...["MEM Usage / MEM Total", "MEM %", "GPU %"],
];
const UNITS = ["B", "K", "M", "G", "T", "P"];
const MIB = 2 ** 20;

export function statsText(runId: number, stats: RunStats): string {
  const { memoryBytes, memoryTotalBytes, networkReceivedBytes, networkSentBytes } = stats;
  const memoryShare = memoryTotalBytes === 0 ? 0 : (memoryBytes / memoryTotalBytes) * 100;
  const cpu = [
    `${stats.cpuPercentage.toFixed(2)}%`,
    `${memoryShare.toFixed(2)}%`,
    pair(size(memoryBytes), size(memoryTotalBytes)),
    pair(size(networkReceivedBytes), size(networkSentBytes)),
    pair(size(stats.diskReadBytes), size(stats.diskWrittenBytes)),
  ];
  const text = `CPU statistics for run ${runId}:\n${formatTable([spaced(CPU_HEADINGS), cpu])}`;
  if (stats.gpus.length === 0) return text;
  const gpus = stats.gpus.map((gpu) => [
    oneLine(gpu.name).trim(),
    known(gpu.temperature),
    oneLine(gpu.performanceState).trim() || "-",
    pair(known(gpu.powerWatts), known(gpu.powerLimitWatts)),
    pair(mebibytes(gpu.memoryBytes), mebibytes(gpu.memoryTotalBytes)),
    known(gpu.memoryUtilization),
    known(gpu.utilization),
  ]);
  return `${text}\nGPU statistics for run ${runId}:\n${formatTable([spaced(GPU_HEADINGS), ...gpus])}`;
}

/** One line of JSON. */
export function statsToJson(stats: RunStats): Record<string, unknown> {
  const { atMs, gpus, ...rest } = stats;
  const numbers = Object.entries(rest).map(([name, value]): [string, number] => [snake(name), value]);
  const toJson = (gpu: object): unknown =>
    Object.fromEntries(Object.entries(gpu).map(([name, value]: [string, unknown]) => [snake(name), value ?? null]));
  return { timestamp: new Date(atMs).toISOString(), ...Object.fromEntries(numbers), gpus: gpus.map(toJson) };
}

/** In powers of 1024, with one digit after the point below ten: `765B`, `1.2M`, `117M`. */
export function size(sizeBytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, sizeBytes)) / 10)));
  const value = sizeBytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.floor(value)}${UNITS[power] ?? ""}`;
}

/** Headings leave four spaces to the next one. */
function spaced(headings: readonly string[]): string[] {
  return headings.map((heading, at) => (at === headings.length - 1 ? heading : `${heading}  `));
}

function pair(one: string, other: string): string {
  return `${one} / ${other}`;
}

function known(value: number | undefined): string {
  return value === undefined ? "-" : String(value);
}

function mebibytes(sizeBytes: number | undefined): string {
  return known(sizeBytes === undefined ? undefined : Math.round(sizeBytes / MIB));
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
