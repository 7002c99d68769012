/** A run that stops itself when its metric is good enough: outputs kept, the reason said. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Farm } from "../support/farm.ts";

const TRAIN = `
import time
from spell.metrics import send_metric
open("model.txt", "w").write("weights")
for step in range(600):
    send_metric("loss", 1 / (step + 1), step)
    time.sleep(0.05)
`;

it("is stopped, and its outputs are there for the next run", async () => {
  await using farm = await Farm.start();
  writeFileSync(join(farm.folder, "train.py"), TRAIN);
  const condition = ["--stop-condition", "loss < 0.3:2"];
  const { stdout } = await farm.spell(["run", ...condition, "python3 train.py"], { cwd: farm.folder });
  expect(stdout).toContain("Stopped by its stop condition loss < 0.3 from index 2 on: loss was 0.25 at index 3.");
  using client = farm.client();
  const run = await client.runs.get(1);
  expect(run).toMatchObject({ status: "stopped", reasonCode: "stop-condition" });
  const next = await client.runs.create({ command: "grep weights model.txt", mounts: { "runs/1/model.txt": "" } });
  await next.waitStatus("complete");
});

it.each([["loss"], ["loss = 3"], ["loss < x"], ["loss < 1:x"], [" < 1"]])("%j is no condition", async (text) => {
  await using farm = await Farm.start();
  const { exitCode, stderr } = await farm.spell(["run", "--stop-condition", text, "true"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: expect.stringContaining("--stop-condition") });
});
