import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@spell/testing";
import { expect, test } from "vitest";
import { gpuEnvironment, gpuMinors } from "./gpu-devices.ts";

test("a GPU's device file is found by its place among the PCI addresses", async () => {
  await using folder = await tempFolder();
  for (const [address, minor] of Object.entries({ "0000:41:00.0": 1, "0000:01:00.0": 3 })) {
    mkdirSync(join(folder.path, address));
    writeFileSync(join(folder.path, address, "information"), `Model: \t NVIDIA\nDevice Minor: \t ${minor}\n`);
  }
  expect(gpuMinors(folder.path)).toEqual([3, 1]);
  expect(gpuMinors(join(folder.path, "none"))).toEqual([]);
});

test("a confined run counts its GPUs from 0, an unconfined one as the machine does, one without GPUs sees none", () => {
  const visible = (gpus: number[] | undefined, confined: boolean, machineHasGpus = true) =>
    gpuEnvironment(gpus, { confined, machineHasGpus })["CUDA_VISIBLE_DEVICES"];
  expect(visible([3, 1], true)).toBe("0,1");
  expect(visible([3, 1], false)).toBe("1,3");
  expect(visible(undefined, true)).toBe("");
  expect(visible(undefined, true, false)).toBeUndefined();
});
