/** `--non-zero-exit complete`: scripts that wait for `complete` and look at the exit code themselves go on. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Farm } from "../support/farm.ts";
import { spell } from "../support/spell.ts";

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ args: ["--non-zero-exit", "complete"] });
});
afterAll(() => farm[Symbol.asyncDispose]());

it.each([
  ["exit 66", 66, "The command exited with code 66."],
  ["kill -9 $$", 137, "The command was ended by signal 9 (SIGKILL)."],
  ["nonsense-command", 127, "The command exited with code 127."],
])("%s is complete, with its code", async (command, userExitCode, reason) => {
  using client = farm.client();
  const run = await client.runs.create({ command: `echo x > out.txt; ${command}` });
  await run.waitStatus("complete");
  expect(run).toMatchObject({ status: "complete", userExitCode, reason });
  // Its outputs are there for the next run.
  const next = await client.runs.create({ command: "test -e out.txt", mounts: { [`runs/${run.id}/out.txt`]: "" } });
  await next.waitStatus("complete");
  expect(next.userExitCode).toBe(0);
});

it("shows in the list as it always did", async () => {
  const { stdout } = await spell(farm.place, ["ps"]);
  expect(stdout).toMatch(/Complete \(66\)/);
});

it("does not keep a stopped run from being stopped", async () => {
  using client = farm.client();
  const run = await client.runs.create({ command: "trap 'exit 3' TERM; sleep 600 & wait" });
  await run.waitStatus("running");
  await run.stop();
  await run.waitStatus("stopped");
  expect(run.status).toBe("stopped");
});
