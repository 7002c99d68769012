/** `spell agent ls`, `cordon`, `uncordon`, `drain` and `remove`, against a coordinator that says what the test makes it say. */
import { FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { tempFolder, waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { spell, startSpell } from "./testing.ts";

type FakeAgent = FakeCoordinator["agents"][number];

function box(over: Partial<FakeAgent> = {}): FakeAgent {
  return {
    ...{ id: "agt_1", name: "box", connected: true, silent: false, draining: false, runs: 0, placement: "open" },
    ...{
      machineTypes: [{ name: "CPU", slots: 4, freeSlots: 4 }],
      joinedAtMs: 1_588_679_735_000,
      lastSeenAtMs: Date.now(),
    },
    ...over,
  };
}

test("ls tells how each is and what its operator wants", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const states: [string, Partial<FakeAgent>][] = [
    ["connected", {}],
    ["silent", { silent: true, runs: 2 }],
    ["away", { connected: false }],
    ["cordoned", { placement: "cordoned" }],
    ["draining", { draining: true, runs: 1 }],
    ["drained", { draining: true, placement: "draining" }],
    ["away, cordoned", { connected: false, placement: "cordoned" }],
  ];
  fake.agents = states.map(([name, over]) => box({ name, ...over }));
  const { stdout } = await spell({ args: ["agent", "ls"], home: home.path, coordinator: fake.address });
  const [header, ...rows] = stdout.trimEnd().split("\n");
  expect(header).toMatch(/^NAME +STATE +RUNS +FREE +LAST SEEN +ID$/);
  expect(rows.map((row) => row.split(/ {2,}/).slice(0, 2))).toEqual(states.map(([name]) => [name, name]));
  const json = await spell({ args: ["agent", "ls", "--json"], home: home.path, coordinator: fake.address });
  expect(JSON.parse(json.stdout)).toMatchObject(states.map(([name]) => ({ name, state: name, id: "agt_1" })));
});

test("cordon, uncordon and remove say what they did; remove asks first", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  fake.agents = [box({ runs: 2 })];
  const run = (...args: string[]) => spell({ args: ["agent", ...args], home: home.path, coordinator: fake.address });
  expect((await run("cordon", "box")).stdout).toBe("box is given nothing new; what runs on it goes on.\n");
  expect(fake.agents[0]?.placement).toBe("cordoned");
  expect(JSON.parse((await run("cordon", "box", "--json")).stdout)).toMatchObject({ state: "cordoned", runs: 2 });
  expect((await run("uncordon", "box")).stdout).toBe("box takes runs again.\n");
  const unanswered = await run("remove", "box");
  expect(unanswered.stderr).toContain("Remove box from the farm? 2 runs on it will be interrupted. [y/N]");
  expect(unanswered).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("nothing was changed") });
  expect((await run("remove", "box", "--force")).stdout).toBe("Removed box from the farm; 2 runs interrupted.\n");
  for (const args of [
    ["remove", "box", "-f"],
    ["drain", "box"],
    ["cordon", "box"],
  ]) {
    expect(await run(...args)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('There is no agent "box"'),
    });
  }
});

test("drain waits until nothing runs there any more", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  fake.agents = [box({ runs: 1, draining: true })];
  const where = { home: home.path, coordinator: fake.address };
  using draining = startSpell({ args: ["agent", "drain", "box"], ...where });
  await draining.sees("box is given nothing new; 1 run left on it.\n");
  await waitFor("it to be draining", () => fake.agents[0]?.placement === "draining");
  fake.agents = [box({ runs: 0, draining: true, placement: "draining" })];
  expect(await draining.done).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("box is drained: nothing runs on it."),
  });
  fake.agents = [box({ runs: 3, draining: true })];
  const atOnce = await spell({ args: ["agent", "drain", "box", "--no-wait", "--json"], ...where });
  expect(JSON.parse(atOnce.stdout)).toMatchObject({ state: "draining", runs: 3 });
});
