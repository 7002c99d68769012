/** What a sandboxed run uses, shown by the command line and the SDK. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "@spell/testing";
import { expect, test } from "vitest";
import { Farm } from "../support/farm.ts";
import { startSpellOnTerminal } from "../support/terminal.ts";

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

const TABLE = "CPU statistics for run 1:";
const times = (text: string, part: string): number => text.split(part).length - 1;

test("on a terminal each sample takes the place of the one before, in a pipe it follows; ^C leaves both", async () => {
  await using farm = await Farm.start();
  using client = farm.client();
  const run = await client.runs.create({ command: "sleep 600" });
  await run.waitStatus("running");
  using shown = startSpellOnTerminal(farm.place, ["stats", "-f", "1"]);
  using piped = farm.startSpell(["stats", "-f", "1"]);
  using json = farm.startSpell(["stats", "-f", "--json", "1"]);
  using scripted = startSpellOnTerminal(farm.place, ["stats", "-f", "--json", "1"]);
  await waitFor(
    "some of each",
    () =>
      [shown, piped].every((each) => times(each.stdout(), TABLE) >= 2) &&
      [json, scripted].every((each) => times(each.stdout(), "}\n") + times(each.stdout(), "}\r\n") >= 2),
  );
  for (const each of [shown, scripted]) each.signal("SIGUSR1");
  for (const each of [piped, json]) each.signal("SIGINT");
  const results = await Promise.all([shown, piped, json, scripted].map((each) => each.done));
  expect(results.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(results.map(() => [0, ""]));
  const [onTerminal = "", inPipe = "", inJson = "", jsonOnTerminal = ""] = results.map(({ stdout }) => stdout);
  expect(times(onTerminal, `\x1b[2J\x1b[H${TABLE}\r\n`)).toBe(times(onTerminal, TABLE));
  expect(inPipe).toMatch(/^(\nCPU statistics for run 1:\nCPU % .*\n\d+\.\d\d% .*\n){2,}\n$/);
  for (const text of [inJson, jsonOnTerminal]) {
    // The terminal shows what was typed there.
    const lines = text
      .replaceAll("\r\n", "\n")
      .replace("^C", "")
      .split("\n")
      .filter((line) => line !== "");
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ memory_bytes: expect.any(Number), gpus: [] });
    expect(text).not.toContain("\x1b");
  }
  await run.refresh();
  expect(run.status).toBe("running");
  await run.kill();
});

test("a run that waits, has ended, is nobody's or another's has a sentence instead of figures", async () => {
  await using farm = await Farm.start({ args: ["--cpu-slots", "1", "--expect-machine-type", "V100"] });
  using client = farm.client();
  const waiting = await client.runs.create({ command: "true", machineType: "V100" });
  const ended = await client.runs.create({ command: "exit 3" });
  await ended.waitStatus("failed");
  const stats = (id: unknown, env?: NodeJS.ProcessEnv) => farm.spell(["stats", String(id)], { env });
  expect(await stats(waiting.id)).toEqual({
    ...{ exitCode: 0, stderr: "" },
    stdout: `Run ${waiting.id} is not running yet: it is at machine_requested.\n`,
  });
  expect(await stats(ended.id)).toEqual({
    ...{ exitCode: 0, stderr: "" },
    stdout: `Run ${ended.id} is no longer running: it ended as failed.\n`,
  });
  expect(await farm.spell(["stats", "--json", String(ended.id)])).toEqual({
    ...{ exitCode: 0, stdout: "" },
    stderr: `Run ${ended.id} is no longer running: it ended as failed.\n`,
  });
  for (const word of ["0", "-1", "x", "1.5", "9".repeat(30), ""]) {
    const { exitCode, stdout, stderr } = await farm.spell(["stats", "--", word]);
    expect([exitCode, stdout], word).toEqual([2, ""]);
    expect(stderr.trim(), word).not.toBe("");
  }
  await farm.spell(["user", "create", "bob", "--password", "tall orange cat"]);
  const coordinator = /^coordinator: (.+)$/m.exec(readFileSync(farm.configuration, "utf8"))?.[1] ?? "";
  const env = { SPELL_DIR: join(farm.folder, "bob") };
  const login = ["login", "--coordinator", coordinator, "--identity", "bob", "--password", "tall orange cat"];
  expect(await farm.spell(login, { env })).toMatchObject({ exitCode: 0 });
  for (const follow of [[], ["-f"]]) {
    expect(await farm.spell(["stats", ...follow, String(waiting.id)], { env })).toMatchObject({
      ...{ exitCode: 1, stdout: "", stderr: expect.stringContaining(`no run ${waiting.id}`) },
    });
  }
  // Followed, it begins with the run; here the run ends first.
  using followed = farm.startSpell(["stats", "-f", String(waiting.id)]);
  await waiting.kill();
  expect(await followed.done).toEqual({
    ...{ exitCode: 0, stderr: "" },
    stdout: `Run ${waiting.id} is no longer running: it ended as killed.\n`,
  });
});
