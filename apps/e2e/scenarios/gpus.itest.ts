/** GPUs as an nvidia-smi lists them: machine types, one slot each, and which of them a run sees. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { listRuns } from "../support/records.ts";

/** Says what one would say with two H200 and a V100: which there are, and what they are doing. */
function makeNvidiaSmi(folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const listing = ["0, NVIDIA H200", "1, Tesla V100-SXM2-16GB", "2, NVIDIA H200"].join("\n");
  const usage = [
    "0, NVIDIA H200, 40, 100.00, 700.00, 10, 1, 1000, 143771, P0",
    "1, Tesla V100-SXM2-16GB, 51, [N/A], 300.00, 20, 2, 2000, 16384, P2",
    "2, NVIDIA H200, 62, 300.50, 700.00, 30, 3, 3000, 143771, P1",
  ].join("\n");
  const say = (text: string): string => `cat <<'END'\n${text}\nEND\n`;
  const script = `#!/bin/sh\ncase "$*" in *utilization.gpu*) ${say(usage)};; *) ${say(listing)};; esac\n`;
  writeFileSync(join(bin, "nvidia-smi"), script);
  chmodSync(join(bin, "nvidia-smi"), 0o755);
  return bin;
}

test("each GPU is a slot of its type; runs of a type share them out, and several can be asked for", async () => {
  await using farm = await Farm.start((folder) => ({ path: [makeNvidiaSmi(folder)], args: ["--cpu-slots", "1"] }));
  const { stdout } = await farm.spell(["machine-types", "--json"]);
  expect(JSON.parse(stdout)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "H200", slots: 2 }),
      expect.objectContaining({ name: "V100", slots: 1 }),
    ]),
  );
  using client = farm.client();
  const show = 'echo "GPUs: $CUDA_VISIBLE_DEVICES"';
  const both = await client.runs.create({ command: `${show}; sleep 1`, machineType: "h200x2" });
  const second = await client.runs.create({ command: show, machineType: "H200" });
  const tooMany = await client.runs.create({ command: "true", machineType: "H200x3" });
  await both.waitStatus("running");
  await second.refresh();
  expect(second.status).toBe("machine_requested");
  expect(second.reason).toBe("Waits for a free H200 slot (2 in all). It is next in line.");
  await both.waitStatus("complete");
  await second.waitStatus("complete");
  await tooMany.refresh();
  expect(tooMany.reason).toContain("Waits for a machine with 3 H200 slots: none is connected");
  await tooMany.kill();
  await waitFor("its end", async () =>
    (await listRuns(farm.place)).every(({ status }) => status !== "machine_requested"),
  );
  const said = async (id: number): Promise<string> => (await farm.spell(["logs", String(id)])).stdout;
  expect(await said(both.id)).toContain("GPUs: 0,1\n");
  expect(await said(second.id)).toContain("GPUs: 0\n");
  const unknown = await farm.spell(["run", "-t", "K80", "true"], { cwd: join(farm.folder, "bin") });
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("(choose from CPU, H200, V100)") });
});

test("stats of a run are of the GPUs that it was given, and of no others", async () => {
  await using farm = await Farm.start((folder) => ({ path: [makeNvidiaSmi(folder)], args: ["--cpu-slots", "1"] }));
  using client = farm.client();
  const indexOf = { H200: [0, 2], V100: [1], CPU: [] };
  const runs = [];
  // Two of one GPU each beside each other, the V100 between them in the machine.
  for (const machineType of ["H200", "H200", "V100", "CPU"] as const) {
    const run = await client.runs.create({ command: "sleep 600", machineType });
    await run.waitStatus("running");
    runs.push({ run, machineType });
  }
  const used: number[] = [];
  for (const { run, machineType } of runs) {
    const { stdout } = await farm.spell(["stats", "--json", String(run.id)]);
    const { gpus } = JSON.parse(stdout) as {
      gpus: { index: number; memory_bytes: number; power_watts: number | null }[];
    };
    expect(gpus).toHaveLength(machineType === "CPU" ? 0 : 1);
    for (const { index, memory_bytes: bytes, power_watts: watts } of gpus) {
      expect(indexOf[machineType]).toContain(index);
      expect(bytes).toBe((index + 1) * 1_000 * 2 ** 20);
      expect(watts).toBe([100, null, 300.5][index]);
      used.push(index);
    }
  }
  expect(used).toHaveLength(3);
  expect(new Set(used)).toEqual(new Set([0, 1, 2]));
  const [, , v100] = runs;
  const table = await farm.spell(["stats", String(v100?.run.id)]);
  expect(table.stdout).toMatch(
    /\nGPU statistics for run 3:\nGPU Name .*\n.*V100.* 51 +P2 +- \/ 300 +2000 \/ 16384 +2 +20\n$/,
  );
  expect(table.stdout).not.toContain("H200");
  for (const { run } of runs) await run.kill();
});
