/** What the operator lets one run use of this machine, and what follows for an attempt. Pure. */
import { availableParallelism } from "node:os";
import { invalidInput, machineTypeKey, messageOf, parseByteSize, parseMachineType } from "@spell/domain";
import type { AttemptSpec } from "@spell/rpc";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { RunLimits } from "./executors/limits/run-limits.ts";

export interface LimitSettings {
  /** By machine type (machineTypeKey); `""` for all others. No entry: as much as the machine has. */
  memoryPerSlot: ReadonlyMap<string, number>;
  /** Processes and threads of one run; 0: as many as it likes. */
  maxProcesses: number;
  /** Undefined: as much as the disk has. */
  diskPerRunBytes?: number;
  /** What is to stay free on the disk; undefined: 1 GiB, or a fiftieth of a smaller disk. */
  diskReserveBytes?: number;
}

/** Less is no room for a shell with Python in it. */
const LEAST_MEMORY_BYTES = 16 * 2 ** 20;
const LEAST_PROCESSES = 16;
/** Many libraries start a thread per core in each of their processes. */
const DEFAULT_PROCESSES = Math.max(4096, 512 * availableParallelism());

/** The options of the command line, as commander takes them. */
export function addLimitOptions(program: Command): Command {
  return program
    .addOption(
      new Option(
        "--memory-per-slot <[type=]size...>",
        "memory of a run for each slot that it has, such as 8GiB or V100=60GiB; a run that needs more is ended (default: no limit)",
      )
        .env("SPELL_MEMORY_PER_SLOT")
        .argParser(memoryPerSlot)
        .default(new Map<string, number>(), "no limit"),
    )
    .addOption(
      new Option("--max-processes <n>", "processes and threads of one run at once; 0: no limit")
        .env("SPELL_MAX_PROCESSES")
        .argParser(processCount)
        .default(DEFAULT_PROCESSES),
    )
    .addOption(
      new Option(
        "--disk-per-run <size>",
        "what one run may write to the disk, such as 100GiB; a run that writes more is ended (default: no limit)",
      )
        .env("SPELL_DISK_PER_RUN")
        .argParser(size),
    )
    .addOption(
      new Option(
        "--disk-reserve <size>",
        "takes no run while less than this is free on the disk; 0: always takes them (default: 1GiB, or a fiftieth of a smaller disk)",
      )
        .env("SPELL_DISK_RESERVE")
        .argParser((text) => checked(() => parseByteSize(text))),
    );
}

/** The limits of one attempt. */
export function limitsOf(spec: Pick<AttemptSpec, "machineType" | "slots">, settings: LimitSettings): RunLimits {
  const { memoryPerSlot: perSlot, maxProcesses, diskPerRunBytes } = settings;
  const asked = machineTypeKey(spec.machineType);
  // V100x4 is four slots of V100.
  const each = perSlot.get(asked) ?? perSlot.get(asked.replace(/x\d+$/, "")) ?? perSlot.get("");
  return {
    ...(each === undefined ? {} : { memoryBytes: each * Math.max(1, spec.slots.length) }),
    ...(maxProcesses === 0 ? {} : { processes: maxProcesses }),
    ...(diskPerRunBytes === undefined ? {} : { diskBytes: diskPerRunBytes }),
  };
}

function memoryPerSlot(text: string, before: ReadonlyMap<string, number>): Map<string, number> {
  const all = new Map(before);
  for (const part of text.split(",")) {
    const [, type = "", value = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(part) ?? [];
    const key = part.includes("=") ? machineTypeKey(checked(() => parseMachineType(type)).name) : "";
    const bytes = size(value);
    if (bytes < LEAST_MEMORY_BYTES) throw new InvalidArgumentError("A run needs at least 16MiB of memory.");
    all.set(key, bytes);
  }
  return all;
}

function processCount(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (value === 0 || value >= LEAST_PROCESSES) return value;
  throw new InvalidArgumentError(`Expected 0 for no limit, or a number from ${LEAST_PROCESSES} on.`);
}

function size(text: string): number {
  return checked(() => {
    const bytes = parseByteSize(text);
    if (bytes === 0) throw invalidInput("Nothing at all is no size for a run.", "bad-size");
    return bytes;
  });
}

function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
