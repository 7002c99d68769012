import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FAKE_TOKEN, FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { repositoryRoot, startCommand, tempFolder, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { spell, startSpell } from "./testing.ts";

describe("logs", () => {
  test("what there is, the last ones, JSON", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { id } = fake.addRun();
    fake.print(id, { text: "one" }, { text: "two", partial: true }, { text: "three" });
    const run = (...args: string[]) =>
      spell({ args: ["logs", String(id), ...args], home: home.path, coordinator: fake.address });
    expect(await run()).toEqual({ exitCode: 0, stdout: "one\ntwothree\n", stderr: "" });
    expect((await run("-n", "1")).stdout).toBe("three\n");
    expect((await run("--tail", "0")).stdout).toBe("");
    expect(JSON.parse((await run("-n", "1", "--json")).stdout)).toEqual({
      timestamp: "2020-05-05T11:55:35.000Z",
      status: "running",
      log: "three",
      status_event: false,
      level: null,
      partial: false,
    });
  });

  test("the coordinator is restarted twice in the middle: every line once, in order", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { id } = fake.addRun();
    const lines = Array.from({ length: 3_000 }, (_, number) => `line ${number}`);
    using running = startSpell({ args: ["logs", "-f", String(id)], home: home.path, coordinator: fake.address });
    for (let part = 0; part < 3; part += 1) {
      const piece = lines.slice(part * 1_000, (part + 1) * 1_000);
      fake.print(id, ...piece.map((text) => ({ text })));
      await running.sees(piece[0] ?? "");
      if (part < 2) {
        fake.cut();
        await fake.listen();
      }
    }
    fake.setStatus(id, "complete");
    const { exitCode, stdout, stderr } = await running.done;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toEqual(lines);
  });

  test.each([
    { reader: "goes away", pipe: "head -n 1", lines: 5_000, sees: `0 ${"x".repeat(100)}` },
    // A little more than a pipe holds: the rest waits in the process when it wants to end.
    { reader: "is slow", pipe: "(sleep 1; tail -n 1)", lines: 680, sees: `679 ${"x".repeat(100)}` },
  ])("a reader that $reader: the command ends quietly", async ({ pipe, lines, sees }) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { id } = fake.addRun();
    fake.print(id, ...Array.from({ length: lines }, (_, number) => ({ text: `${number} ${"x".repeat(100)}` })));
    fake.setStatus(id, "complete");
    const command = `'${join(repositoryRoot, "apps/cli/bin/spell")}' logs ${id} -f | ${pipe}`;
    const login = { SPELL_TOKEN: FAKE_TOKEN, SPELL_COORDINATOR: fake.address, SPELL_FROM_SOURCE: "1" };
    const env = { ...process.env, HOME: home.path, ...login };
    using running = startCommand("sh", ["-c", command], { env });
    expect(await running.done).toEqual({ exitCode: 0, stdout: `${sees}\n`, stderr: "" });
  });
});

test("spell ps with a reader that takes one line ends quietly", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  for (let each = 0; each < 1_000; each += 1) fake.addRun({ command: "x".repeat(200) });
  const command = `'${join(repositoryRoot, "apps/cli/bin/spell")}' ps -n 1000 --no-trunc | head -n 1`;
  const login = { SPELL_TOKEN: FAKE_TOKEN, SPELL_COORDINATOR: fake.address, SPELL_FROM_SOURCE: "1" };
  using running = startCommand("sh", ["-c", command], { env: { ...process.env, HOME: home.path, ...login } });
  expect(await running.done).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^ID .*CREATOR\n$/),
    stderr: "",
  });
});

test("--delay shows entries as far apart as they were written", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const { id } = fake.addRun();
  fake.print(id, { text: "a", atMs: 1_000 }, { text: "b", atMs: 1_100 }, { text: "c", atMs: 2_000 });
  fake.setStatus(id, "complete");
  const args = ["logs", "--delay", String(id)];
  using running = startSpell({ args, home: home.path, coordinator: fake.address });
  await running.sees("a\n");
  const startedAt = Date.now();
  expect(running.stdout()).not.toContain("c");
  expect(await running.done).toEqual({ exitCode: 0, stdout: "a\nb\nc\n", stderr: "" });
  expect(Date.now() - startedAt).toBeGreaterThan(700);
});

describe("^C only turns away", () => {
  test("after run: says how to come back, exits 0, the run goes on", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    using running = startSpell({ args: ["run", "sleep 99"], home: home.path, cwd, coordinator: fake.address });
    await waitFor("the log to be followed", () => fake.held === 1);
    fake.print(335, { text: "half a line", partial: true });
    await running.sees("half a line");
    running.signal("SIGINT");
    const { exitCode, stdout } = await running.done;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /half a line\n\n✨ Your run is still running remotely\.\n✨ Use 'spell kill 335' to terminate your run\n✨ Use 'spell logs 335' to view logs again\n$/,
    );
    expect(fake.run(335).status).toBe("machine_requested");
  });

  test.each([
    ["workflow", "true"],
    ["logs", "-f", "335"],
  ])("after %s: one line", async (...args) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    if (args[0] === "logs") fake.addRun();
    using running = startSpell({ args, home: home.path, cwd, coordinator: fake.address });
    await waitFor("the log to be followed", () => fake.held === 1);
    running.signal("SIGINT");
    const { exitCode, stdout } = await running.done;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/(^|\n)\n✨ Use 'spell logs 335' to view logs again\n$/);
    expect(stdout).not.toContain("still running");
  });
});
