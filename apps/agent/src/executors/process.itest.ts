/** Plain processes keep the executors' promises, isolation excepted. */
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findCgroups } from "../cgroups/find.ts";
import { executorContract, limitsContract } from "./contract.ts";
import { executorBench, writeTree } from "./contract/bench.ts";
import { ProcessExecutor } from "./process.ts";

executorContract({ create: () => new ProcessExecutor({ cgroups: findCgroups().cgroups }), runsCommands: true });
limitsContract((options) => new ProcessExecutor(options));

test("an absolute mount path is refused with a sentence", async () => {
  await using bench = await executorBench(new ProcessExecutor());
  const mounts = [{ path: "/data", isFile: false, source: bench.code }];
  expect((await bench.run("true", { mounts })).startFailure).toMatch(/^Cannot mount at \/data: without a sandbox/);
});

test("search paths that name /spell or an SDK are translated", async () => {
  await using bench = await executorBench(new ProcessExecutor());
  const sdk = join(bench.path, "sdk");
  writeTree(sdk, { "tool.txt": "tool" });
  const ended = await bench.run("cat ${SEARCH%%:*}/train.py ${SEARCH##*:}/tool.txt", {
    environment: { SEARCH: "/spell/proj:/opt/spell-sdk" },
    extras: [{ path: "/opt/spell-sdk", source: sdk }],
  });
  expect(ended.output).toBe("print(1)\ntool");
});

test("an ordinary user may write the copies of read-only files", async () => {
  await using bench = await executorBench(new ProcessExecutor());
  const source = join(bench.path, "shared");
  writeTree(source, { "deep/data.txt": "data" });
  chmodSync(join(source, "deep/data.txt"), 0o444);
  // The modes are looked at rather than used: root may write anywhere.
  const ended = await bench.run("stat -c %A data data/deep data/deep/data.txt", {
    mounts: [{ path: "/spell/proj/data", isFile: false, source }],
    workingDirectory: "/spell/proj",
  });
  expect(ended.output).toBe("drwxr-xr-x\ndrwxr-xr-x\n-rw-r--r--\n");
  expect(statSync(join(source, "deep/data.txt")).mode & 0o777).toBe(0o444);
});
