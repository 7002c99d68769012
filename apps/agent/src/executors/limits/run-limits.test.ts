/** What is said of runs that wanted more than they may have. */
import { expect, test } from "vitest";
import { outOfMemory } from "./run-limits.ts";

const GIB = 2 ** 30;

test.each([
  [{ oomKills: 0, refusedProcesses: 9, peakMemoryBytes: GIB }, { memoryBytes: GIB }, undefined],
  [
    { oomKills: 1, refusedProcesses: 0, peakMemoryBytes: 2 * GIB },
    { memoryBytes: 2 * GIB },
    "The run needed more than the 2 GiB of memory that it may use, and the kernel ended a process of it. It used up to 2 GiB at once.",
  ],
  [
    { oomKills: 3, refusedProcesses: 0 },
    { memoryBytes: 1.5 * GIB },
    "The run needed more than the 1.5 GiB of memory that it may use, and the kernel ended 3 processes of it.",
  ],
  [
    { oomKills: 1, refusedProcesses: 0, peakMemoryBytes: 20 * GIB },
    {},
    "The machine was out of memory, and the kernel ended a process of the run. It used up to 20 GiB at once.",
  ],
])("%j of a run that may have %j", (usage, limits, sentence) => {
  expect(outOfMemory(usage, limits)).toEqual(sentence && { code: "out-of-memory", sentence });
});
