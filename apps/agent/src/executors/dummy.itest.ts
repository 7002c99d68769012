/** The dummy keeps the executors' promises as far as it starts nothing. */
import { expect, test } from "vitest";
import { executorContract } from "./contract.ts";
import { executorBench } from "./contract/bench.ts";
import { DummyExecutor } from "./dummy.ts";

executorContract({ create: () => new DummyExecutor(), runsCommands: false });

test("a start failure is reported with its sentence", async () => {
  await using bench = await executorBench(new DummyExecutor());
  const ended = await bench.run("true", { environment: { SPELL_DUMMY_START_FAILURE: "No such folder." } });
  expect(ended).toMatchObject({ startFailure: "No such folder.", output: "" });
  expect(ended.exitCode).toBeUndefined();
});

test("knobs may stand in the command", async () => {
  await using bench = await executorBench(new DummyExecutor());
  expect(await bench.run("SPELL_DUMMY_EXIT_CODE=4 python train.py")).toMatchObject({ exitCode: 4 });
});

test("it ignores SIGTERM when told to", async () => {
  await using bench = await executorBench(new DummyExecutor());
  const environment = { SPELL_DUMMY_RUN_MS: "60000", SPELL_DUMMY_IGNORE_TERM: "1" };
  const execution = await bench.start(bench.spec("true", { environment }));
  await execution.signal("SIGTERM");
  expect(execution.liveSpellPath()).toBeDefined();
  await execution.signal("SIGKILL");
  expect(await execution.exited).toMatchObject({ exitCode: 137 });
});
