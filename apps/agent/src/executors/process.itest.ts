/** Plain processes keep the executors' promises, isolation excepted. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { executorBench, executorContract, writeTree } from "./contract.ts";
import { ProcessExecutor } from "./process.ts";

executorContract({ create: () => new ProcessExecutor(), runsCommands: true });

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
