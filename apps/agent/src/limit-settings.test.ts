/** What the command line may say of the limits of runs, and what an attempt gets of it. */
import { Command } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { addLimitOptions, limitsOf } from "./limit-settings.ts";
import type { LimitSettings } from "./limit-settings.ts";

afterEach(() => void vi.unstubAllEnvs());

function parse(...args: string[]): LimitSettings {
  const program = addLimitOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const { diskPerRun, ...others } = program
    .parse(args, { from: "user" })
    .opts<LimitSettings & { diskPerRun?: number }>();
  return { ...others, diskPerRunBytes: diskPerRun };
}

const GIB = 2 ** 30;

test("by default only the number of processes is bounded", () => {
  const limits = limitsOf({ machineType: "CPU", slots: [0] }, parse());
  expect(Object.keys(limits)).toEqual(["processes"]);
  expect(limits.processes).toBeGreaterThanOrEqual(4096);
});

test.each([
  ["CPU", [0], 2 * GIB],
  ["cpu", [3], 2 * GIB],
  ["V100", [1], 60 * GIB],
  ["V100x2", [0, 1], 120 * GIB],
  ["Titan.x2", [0], 2 * GIB],
  // A master run holds no slot of a machine type.
  ["CPU", [], 2 * GIB],
])("a run of %s with slots %j", (machineType, slots, memoryBytes) => {
  const settings = parse("--memory-per-slot", "2GiB", "--memory-per-slot", "v100=60GiB");
  expect(limitsOf({ machineType, slots }, settings)).toMatchObject({ memoryBytes });
});

test("variables are read as the options are, and options come before them", () => {
  vi.stubEnv("SPELL_MEMORY_PER_SLOT", "1GiB,A100=80GiB");
  vi.stubEnv("SPELL_MAX_PROCESSES", "0");
  vi.stubEnv("SPELL_DISK_PER_RUN", "5GB");
  expect(limitsOf({ machineType: "A100", slots: [0] }, parse())).toEqual({ memoryBytes: 80 * GIB, diskBytes: 5e9 });
  expect(limitsOf({ machineType: "A100", slots: [0] }, parse("--max-processes", "99"))).toMatchObject({
    processes: 99,
  });
});

test.each([
  ["--memory-per-slot", "much"],
  ["--memory-per-slot", "1MiB"],
  ["--memory-per-slot", "=1GiB"],
  ["--memory-per-slot", "a b=1GiB"],
  ["--memory-per-slot", "V100="],
  ["--memory-per-slot", "1GiB,"],
  ["--max-processes", "1"],
  ["--max-processes", "-4"],
  ["--max-processes", "1e9"],
  ["--disk-per-run", "0"],
  ["--disk-per-run", "12 parsecs"],
])("%s=%s is refused", (flag, value) => {
  expect(() => parse(`${flag}=${value}`)).toThrow(new RegExp(flag));
});
