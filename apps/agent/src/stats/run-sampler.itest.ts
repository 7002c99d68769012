/** Samples of real processes: a busy one is seen to be busy, and nothing is measured once nobody looks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { RunStats } from "@spell/rpc";
import { waitFor } from "@spell/testing";
import { expect, onTestFinished, test } from "vitest";
import { GpuReader } from "./gpu-reader.ts";
import { RunSampler, onward } from "./run-sampler.ts";

function samplerOf(pids: () => number[], samples: RunStats[], problems: unknown[] = []): RunSampler {
  const sampler: RunSampler = new RunSampler({
    processes: () => Promise.resolve().then(pids),
    gpus: [],
    gpuReader: new GpuReader({ PATH: "/nowhere" }),
    onSample: () => void samples.push(sampler.latest as RunStats),
    onProblem: (error) => void problems.push(error),
  });
  onTestFinished(() => sampler.stop());
  return sampler;
}

test("a busy process with memory of its own, until it has vanished", async () => {
  const source = "const b = Buffer.alloc(100e6, 1); console.log(b.length); for (;;) Math.random();";
  const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const samples: RunStats[] = [];
  const sampler = samplerOf(() => [child.pid ?? 0], samples);
  expect(sampler.latest).toBe(undefined);
  sampler.start();
  sampler.start();
  await waitFor("two samples", () => samples.length >= 2, { timeoutMs: 20_000 });
  for (const sample of samples) {
    // On a loaded machine a busy process gets a part of a core.
    expect(sample.cpuPercentage).toBeGreaterThan(5);
    expect(sample.cpuPercentage).toBeLessThan(200);
    expect(sample.memoryBytes).toBeGreaterThan(100e6);
    expect(sample.memoryTotalBytes).toBeGreaterThan(sample.memoryBytes);
  }
  child.kill("SIGKILL");
  await waitFor("a sample of nothing", () => samples.at(-1)?.memoryBytes === 0, { timeoutMs: 20_000 });
  sampler.stop();
  expect(sampler.latest).toBe(undefined);
});

test("a look that fails is told, and the next who asks begins anew", async () => {
  const [samples, problems]: [RunStats[], unknown[]] = [[], []];
  let broken = true;
  const look = (): number[] => {
    if (broken) throw new Error("no list of processes");
    return [process.pid];
  };
  const sampler = samplerOf(look, samples, problems);
  sampler.start();
  await waitFor("the problem", () => problems.length === 1);
  broken = false;
  sampler.start();
  await waitFor("a sample", () => samples.length === 1);
});

test("counts never go back", () => {
  const before = { at: 1, cpuMs: 100, memoryBytes: 9, diskReadBytes: 5, diskWrittenBytes: 5 };
  const now = { at: 2, cpuMs: 40, memoryBytes: 3, diskReadBytes: 6, diskWrittenBytes: 4 };
  expect(onward(before, now)).toEqual({ at: 2, cpuMs: 100, memoryBytes: 3, diskReadBytes: 6, diskWrittenBytes: 5 });
});
