import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { tempFolder } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { machineTypeOf, openGpus, parseGpus } from "./gpus.ts";

test.each([
  ["NVIDIA H200", "H200"],
  ["NVIDIA H100 80GB HBM3", "H100"],
  ["Tesla V100-SXM2-16GB", "V100"],
  ["NVIDIA A100-SXM4-40GB", "A100"],
  ["NVIDIA L40S", "L40S"],
  ["Tesla K80", "K80"],
  ["NVIDIA GeForce RTX 4090", "RTX-4090"],
  ["Quadro RTX 6000", "RTX-6000"],
  ["NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada-Generation"],
])("%s is the machine type %s", (name, machineType) => {
  expect(machineTypeOf(name)).toBe(machineType);
});

test("a listing, and what is none", () => {
  expect(parseGpus("0, NVIDIA H200\n1, Tesla V100-SXM2-16GB\n")).toEqual([
    { index: 0, machineType: "H200" },
    { index: 1, machineType: "V100" },
  ]);
  expect(parseGpus("No devices were found\n")).toEqual([]);
  expect(parseGpus("NVIDIA-SMI has failed because it couldn't communicate with the driver, x\n")).toEqual([]);
  expect(parseGpus("")).toEqual([]);
});

/** Opens them in a folder with an nvidia-smi of this script, if any. */
async function open(folder: string, script?: string, bootId = "this boot") {
  const program = join(folder, "nvidia-smi");
  if (script !== undefined) {
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
  }
  const environment = { PATH: [folder, "/usr/bin", "/bin"].join(delimiter) };
  const { known, found } = await openGpus({ dataDir: folder, bootId, environment });
  return { known, found: await found };
}

const H200 = [{ index: 0, machineType: "H200" }];

describe("a machine's nvidia-smi", () => {
  test.each([
    { does: "lists two", script: 'echo "0, NVIDIA H200"; echo "1, NVIDIA H200"', found: 2 },
    { does: "fails", script: 'echo "0, NVIDIA H200"; exit 9', found: 0 },
  ])("that $does: $found GPUs", async ({ script, found }) => {
    await using folder = await tempFolder();
    expect((await open(folder.path, script)).known).toHaveLength(found);
  });

  test("is not waited for a second time in one boot, and believed when it says something else", async () => {
    await using folder = await tempFolder();
    const slow = 'sleep 0.1; echo "0, NVIDIA H200"';
    expect(await open(folder.path, slow)).toEqual({ known: H200, found: H200 });
    expect(await open(folder.path, "sleep 0.1; exit 9")).toEqual({ known: H200, found: [] });
    expect(await open(folder.path, slow)).toEqual({ known: [], found: H200 });
    expect(await open(folder.path, "exit 9", "another boot")).toEqual({ known: [], found: [] });
    await writeFile(join(folder.path, "gpus.json"), "{");
    expect(await open(folder.path, slow)).toEqual({ known: H200, found: H200 });
  });
});
