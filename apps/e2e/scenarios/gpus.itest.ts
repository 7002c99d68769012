/** GPUs as an nvidia-smi lists them: machine types, one slot each, and which of them a run sees. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { listRuns } from "../support/records.ts";

/** Says what one would say with two H200 and a V100. */
function makeNvidiaSmi(folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const listing = ["0, NVIDIA H200", "1, Tesla V100-SXM2-16GB", "2, NVIDIA H200"].join("\n");
  writeFileSync(join(bin, "nvidia-smi"), `#!/bin/sh\ncat <<'END'\n${listing}\nEND\n`);
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
