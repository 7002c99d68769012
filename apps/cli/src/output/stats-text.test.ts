import type { RunStats } from "@spell/sdk";
import { expect, test } from "vitest";
import { size, statsText, statsToJson } from "./stats-text.ts";

const GPU: RunStats["gpus"][number] = {
  ...{ index: 0, name: "NVIDIA\x1b[2J H200", temperature: 41, powerWatts: 101.5, powerLimitWatts: undefined },
  ...{ utilization: 33, memoryUtilization: undefined, memoryBytes: 1_000 * 2 ** 20, memoryTotalBytes: undefined },
  performanceState: "",
};
const STATS: RunStats = {
  ...{ atMs: 0, cpuPercentage: 103.256, memoryBytes: 123_456_789, memoryTotalBytes: 8 * 2 ** 30 },
  ...{ networkReceivedBytes: 1_234_567, networkSentBytes: 765, diskReadBytes: 4_096, diskWrittenBytes: 1e9, gpus: [] },
};

test("the processors' line, and no table of GPUs without any", () => {
  expect(statsText(7, STATS)).toBe(
    [
      "CPU statistics for run 7:",
      "CPU %    MEM %    MEM Usage / MEM Total    Network I/O    Block I/O",
      "103.26%  1.44%    117M / 8.0G              1.2M / 765B    4.0K / 953M",
      "",
    ].join("\n"),
  );
});

test("a GPU of which the driver does not know everything, with a name that would move the cursor", () => {
  const text = statsText(7, { ...STATS, memoryTotalBytes: 0, gpus: [GPU] });
  expect(text).toMatch(/\nGPU statistics for run 7:\nGPU Name .*\n.*H200 +41 +- +101.5 \/ - +1000 \/ - +- +33\n$/);
  expect(text).not.toContain("\x1b");
  expect(statsToJson({ ...STATS, gpus: [GPU] })).toMatchObject({
    ...{ timestamp: "1970-01-01T00:00:00.000Z", cpu_percentage: 103.256, disk_written_bytes: 1e9 },
    gpus: [{ utilization: 33, power_limit_watts: null, memory_total_bytes: null }],
  });
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1024, "1.0K"],
  [10 * 1024, "10K"],
  [2 ** 70, "1048576P"],
])("%d bytes are %s", (bytes, text) => {
  expect(size(bytes)).toBe(text);
});
