/** What a trial is told on its command line: flags, their bounds, their defaults. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { FaultKind } from "./faults/fault.ts";
import { FAULT_KINDS } from "./faults/fault.ts";

export const RECORDS = ["sqlite", "postgres"] as const;
export const STORES = ["minio", "directory"] as const;

export interface ChaosOptions {
  faults: number;
  seed: number;
  record: (typeof RECORDS)[number];
  store: (typeof STORES)[number];
  /** Kinds of faults to choose from. */
  kinds: readonly FaultKind[];
  /** No fault begins later than so many minutes after the first. */
  minutes: number;
  /** Most faults at the same time. */
  together: number;
  /** Users, each of whom has one run under way. */
  users: number;
  /** Silence of an agent after which its runs are given up, seconds. */
  leaseSeconds: number;
  /** How long everything may take to come to rest after the last fault, seconds. */
  calmSeconds: number;
  /** Where the logs of a trial that went wrong are left. */
  keep?: string;
  /** File for the verdict as JSON. */
  json?: string;
}

const EXAMPLES = `
Examples:
  spell chaos                             20 faults, a few minutes
  spell chaos --faults 200                a long trial
  spell chaos --seed 7 --kind kill-agent  the same choices again, agents killed only

The farm is one of its own, in network, process and mount namespaces; nothing of yours is touched. Needs Linux.
Exit codes: 0 nothing was lost, doubled or blamed wrongly; 1 something was; 2 wrong usage; 3 the trial could not be made.`;

/** Throws CommanderError, whose message says what is wrong; its exit code is 0 after --help. */
export function parseOptions(argv: readonly string[], chance: () => number): ChaosOptions {
  const program = new Command("spell chaos")
    .description("Tries a farm with real faults, and says whether it lost, doubled or wrongly blamed a run.")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .addOption(new Option("--faults <n>", "how many").argParser(whole(1, 10_000)).default(20))
    .addOption(
      new Option("--minutes <n>", "begin no fault later than that, however many are left")
        .argParser(whole(1, 10_000))
        .default(30),
    )
    .addOption(new Option("--seed <n>", "repeats the choices of an earlier trial").argParser(whole(0, 2 ** 31 - 1)))
    .addOption(new Option("--record <kind>", "what keeps the record").choices(RECORDS).default("sqlite"))
    .addOption(new Option("--store <kind>", "what keeps the objects").choices(STORES).default("minio"))
    .addOption(new Option("--kind <kind...>", "only faults of these kinds").choices(Object.keys(FAULT_KINDS)))
    .addOption(new Option("--together <n>", "most faults at the same time").argParser(whole(1, 10)).default(2))
    .addOption(new Option("--users <n>", "users, with one run each under way").argParser(whole(1, 100)).default(6))
    .addOption(
      new Option("--lease-seconds <n>", "silence of an agent after which its runs are given up")
        .argParser(whole(20, 3_600))
        .default(60),
    )
    .addOption(
      new Option("--calm-seconds <n>", "how long everything may take to come to rest after the last fault")
        .argParser(whole(5, 3_600))
        .default(120),
    )
    .addOption(new Option("--keep <dir>", "where the logs are left when something went wrong (default: a new folder)"))
    .addOption(new Option("--json <file>", "write the verdict there as well"))
    .addHelpText("after", EXAMPLES)
    .parse([...argv], { from: "user" });
  const { kind, seed, ...rest } = program.opts<
    Omit<ChaosOptions, "kinds" | "seed"> & { kind?: FaultKind[]; seed?: number }
  >();
  return { ...rest, seed: seed ?? chance(), kinds: kind ?? (Object.keys(FAULT_KINDS) as FaultKind[]) };
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
