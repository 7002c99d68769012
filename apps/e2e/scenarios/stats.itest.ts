/** What a sandboxed run uses, shown by the command line and the SDK. */
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";

const BUSY = `python3 -c 'b = bytearray(b"1") * 100_000_000
while True: pass'`;

test("a busy run is seen to be busy, once and followed, until it ends", async () => {
  await using farm = await Farm.start();
  using client = farm.client();
  const run = await client.runs.create({ command: BUSY });
  await run.waitStatus("running");
  const once = await farm.spell(["stats", String(run.id)]);
  expect(once).toMatchObject({ exitCode: 0, stderr: "" });
  expect(once.stdout).toMatch(/^CPU statistics for run \d+:\nCPU % .*Block I\/O\n\d+\.\d\d% .*\n$/);
  const samples = run.stats({ follow: true });
  const next = async () => (await samples.next()).value ?? undefined;
  let sample = await next();
  for (let tries = 0; tries < 10 && (sample?.memoryBytes ?? 0) < 100_000_000; tries += 1) sample = await next();
  expect(sample?.memoryBytes).toBeGreaterThan(100_000_000);
  expect(sample?.cpuPercentage).toBeGreaterThan(5);
  await run.kill();
  for await (const _ of samples);
  const over = await farm.spell(["stats", "-f", String(run.id)]);
  expect(over).toMatchObject({ exitCode: 0, stdout: `Run ${run.id} is no longer running: it ended as killed.\n` });
  expect(await farm.spell(["stats", "99"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("no run 99"),
  });
});
