/** What the GPUs do: read from a tool that may be missing, lie, fail or hang, and never at the cost of the rest. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { tempFolder } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { GpuReader, parseGpuStats } from "./gpu-reader.ts";

const LINE = "1, NVIDIA H200, 41, 101.50, 700.00, 33, 4, 1000, 80000, P0";

test("a listing, what the driver does not know, and what is no listing", () => {
  expect(parseGpuStats(`${LINE}\n`)).toEqual([
    {
      ...{ index: 1, name: "NVIDIA H200", temperature: 41, powerWatts: 101.5, powerLimitWatts: 700, utilization: 33 },
      ...{ memoryUtilization: 4, memoryBytes: 1_000 * 2 ** 20, memoryTotalBytes: 80_000 * 2 ** 20 },
      performanceState: "P0",
    },
  ]);
  const [odd] = parseGpuStats("0, A, B, [N/A], [Not Supported], , -1, nan, 1e99, 5, [Unknown Error]");
  expect(odd).toMatchObject({ index: 0, name: "A, B", memoryBytes: undefined, memoryTotalBytes: 5 * 2 ** 20 });
  expect(odd).toMatchObject({ temperature: undefined, powerWatts: undefined, performanceState: "" });
  for (const bad of ["", "No devices were found", "x, A, 1, 2, 3, 4, 5, 6, 7, P0", ", A, 1, 2, 3, 4, 5, 6, 7, P0"])
    expect(parseGpuStats(bad)).toEqual([]);
});

describe("a machine's nvidia-smi", () => {
  async function tool(folder: string, script: string): Promise<GpuReader> {
    const program = join(folder, "nvidia-smi");
    await writeFile(program, `#!/bin/sh\necho x >> ${folder}/calls\n${script}\n`);
    await chmod(program, 0o755);
    return new GpuReader({ PATH: [folder, "/usr/bin", "/bin"].join(delimiter) }, 500);
  }

  test("is asked once for all who look, and not for runs without GPUs", async () => {
    await using folder = await tempFolder();
    const reader = await tool(folder.path, `echo "${LINE}"`);
    expect(await reader.read([])).toEqual([]);
    const found = await Promise.all([reader.read([1]), reader.read([0, 1]), reader.read([0])]);
    expect(found.map((gpus) => gpus.length)).toEqual([1, 1, 0]);
    await reader.read([1]);
    expect(await readFile(join(folder.path, "calls"), "utf8")).toBe("x\n");
  });

  test.each([
    ["fails", `echo "${LINE}"; exit 9`],
    ["hangs", "exec sleep 60"],
    ["never ends talking", "exec cat /dev/zero"],
    ["talks nonsense", "head -c 10000 /dev/urandom"],
  ])("that %s: no GPUs, soon", async (_what, script) => {
    await using folder = await tempFolder();
    const reader = await tool(folder.path, script);
    expect(await reader.read([1])).toEqual([]);
  });

  test("that does not exist: none", async () => {
    expect(await new GpuReader({ PATH: "/nowhere" }).read([0])).toEqual([]);
  });
});
