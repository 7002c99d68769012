/** The agent's configuration: flags first, then environment, then defaults. One sentence per setting. */
import { availableParallelism, homedir, hostname } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { MachineTypeSlots } from "@spell/domain";
import { messageOf, parseByteSize, parseMachineType } from "@spell/domain";
import { parseAddresses } from "@spell/rpc";
import type { ExecutorName } from "./executors/create-executor.ts";
import { addLimitOptions } from "./limit-settings.ts";
import type { LimitSettings } from "./limit-settings.ts";

export interface AgentConfig {
  /** Of one coordinator or more, HOST:PORT. */
  coordinators: string[];
  /** Empty once the agent has joined. */
  joinToken: string;
  dataDir: string;
  name: string;
  machineTypes: MachineTypeSlots[];
  cpuSlots: number;
  controlSlots: number;
  executor: ExecutorName;
  hidden: string[];
  stopGraceMs: number;
  /** Appears when the machine is about to be taken away; undefined: nobody says so. */
  reclaimNotice?: string;
  /** What the cache of trees may take on the disk; undefined: half of the disk. */
  cacheBytes?: number;
  limits: LimitSettings;
  logLevel: string;
}

/** Parses the command line. Prints help or an error and exits by itself (2 for wrong usage). */
export function parseConfig(argv: readonly string[]): AgentConfig {
  const program = addLimitOptions(new Command("spell-agent"))
    .description("Executes runs on this machine.")
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .addOption(
      option(
        "--coordinator <host:port>",
        "the coordinator's gRPC address; of several coordinators all that are known, with commas between",
        "SPELL_COORDINATOR",
      )
        .argParser(coordinators)
        .makeOptionMandatory(),
    )
    .addOption(
      option("--token <token>", "join token; needed until this data folder has joined", "SPELL_JOIN_TOKEN").default(""),
    )
    .addOption(
      option("--data <dir>", "folder of this agent", "SPELL_AGENT_DATA").default(join(homedir(), ".spell", "agent")),
    )
    .addOption(option("--name <name>", "name shown to people", "SPELL_AGENT_NAME").default(hostname()))
    .addOption(
      option(
        "--machine-type <name[=slots]...>",
        "further machine type this machine offers",
        "SPELL_AGENT_MACHINE_TYPES",
      )
        .argParser(machineTypes)
        .default([]),
    )
    .addOption(
      option("--cpu-slots <n>", "runs of type CPU at once (default: one per core)", "SPELL_CPU_SLOTS")
        .argParser(count)
        .default(availableParallelism()),
    )
    .addOption(
      option("--control-slots <n>", "master runs of workflows at once", "SPELL_CONTROL_SLOTS")
        .argParser(count)
        .default(64),
    )
    .addOption(
      option("--executor <name>", "how runs are kept apart from the machine", "SPELL_EXECUTOR")
        .choices(["auto", "sandbox", "process", "dummy"])
        .default("auto"),
    )
    .addOption(
      option("--hide <dir...>", "folder that runs must not see, besides the agent's own", "SPELL_HIDE").default([]),
    )
    .addOption(
      option(
        "--stop-grace-seconds <n>",
        "time between SIGTERM and SIGKILL when a run is stopped",
        "SPELL_STOP_GRACE_SECONDS",
      )
        .argParser(count)
        .default(30),
    )
    .addOption(
      option(
        "--cache-size <size>",
        "what the cache of code and inputs may take on the disk, such as 50GiB (default: half of the disk)",
        "SPELL_CACHE_SIZE",
      ).argParser(cacheSize),
    )
    .addOption(
      option(
        "--reclaim-notice-file <path>",
        "file that appears when whoever lends this machine takes it away: runs end as interrupted, and what they wrote is stored",
        "SPELL_RECLAIM_NOTICE_FILE",
      ),
    )
    .addOption(option("--log-level <level>", "trace, debug, info, warn or error", "SPELL_LOG_LEVEL").default("info"))
    .parse([...argv], { from: "user" });
  const values = program.opts<{
    coordinator: string[];
    token: string;
    data: string;
    name: string;
    machineType: MachineTypeSlots[];
    cpuSlots: number;
    controlSlots: number;
    executor: ExecutorName;
    hide: string[];
    stopGraceSeconds: number;
    cacheSize?: number;
    reclaimNoticeFile?: string;
    memoryPerSlot: ReadonlyMap<string, number>;
    maxProcesses: number;
    diskPerRun?: number;
    diskReserve?: number;
    logLevel: string;
  }>();
  return {
    coordinators: values.coordinator,
    joinToken: values.token,
    dataDir: values.data,
    name: values.name,
    machineTypes: values.machineType,
    cpuSlots: values.cpuSlots,
    controlSlots: values.controlSlots,
    executor: values.executor,
    hidden: [values.data, join(homedir(), ".spell"), ...values.hide],
    stopGraceMs: values.stopGraceSeconds * 1000,
    cacheBytes: values.cacheSize,
    reclaimNotice: values.reclaimNoticeFile,
    limits: {
      memoryPerSlot: values.memoryPerSlot,
      maxProcesses: values.maxProcesses,
      diskPerRunBytes: values.diskPerRun,
      diskReserveBytes: values.diskReserve,
    },
    logLevel: values.logLevel,
  };
}

/** The environment that runs start from. */
export function machineEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable);
}

function machineTypes(text: string, before: MachineTypeSlots[]): MachineTypeSlots[] {
  try {
    return [...before, ...text.split(",").map(parseMachineType)];
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function coordinators(text: string): string[] {
  try {
    return parseAddresses(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

const LEAST_CACHE_BYTES = 2 ** 20;

function cacheSize(text: string): number {
  let bytes: number;
  try {
    bytes = parseByteSize(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
  if (bytes < LEAST_CACHE_BYTES) throw new InvalidArgumentError("A cache needs at least 1MiB.");
  return bytes;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 10_000)
    throw new InvalidArgumentError("Expected a number from 0 to 10000.");
  return value;
}
