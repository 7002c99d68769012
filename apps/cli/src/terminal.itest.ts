/** What a person sees: spinners, colours, ^C. Everything on a terminal of its own. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { onScreen, spell, startSpell, startSpellOnTerminal } from "./testing.ts";

const TERM = { TERM: "xterm" };

/** Lets a run live its whole life, as the coordinator tells it. */
function live(fake: FakeCoordinator, id: number, end: { status: "complete" | "failed"; userExitCode: number }): void {
  const event = (status: string, text: string, level = "info") => ({ text, status, statusEvent: true, level });
  fake.print(id, event("machine_requested", "Run created -- waiting for a CPU machine."));
  fake.print(id, event("building", "Run is building"), event("running", "Run is running"));
  fake.print(id, { text: "epoch 1 🎉 ünïcödé" }, { text: "" }, { text: "\x1b[31mred\x1b[0m\x1b]0;title\x07" });
  fake.print(id, event("saving", "Run is saving"), {
    text: "No modified or new files found",
    status: "saving",
    level: "info",
  });
  fake.print(id, event("pushing", "Run is pushing"));
  fake.print(id, event(end.status, "Total run time: 13.261553s"));
  const failed = end.status === "failed";
  const last = failed ? `Run ${id} failed: The command exited with code ${end.userExitCode}.` : `Run ${id} complete`;
  fake.print(id, event(end.status, last, failed ? "error" : "info"));
  fake.setStatus(id, end.status, { userExitCode: end.userExitCode });
}

describe("run on a terminal", () => {
  test("leaves the known transcript", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    const place = { home: home.path, cwd, coordinator: fake.address, environment: TERM };
    using running = startSpellOnTerminal({ args: ["run", "python x.py"], ...place });
    await waitFor("the log to be followed", () => fake.held === 1);
    live(fake, 335, { status: "complete", userExitCode: 0 });
    const { exitCode, stdout } = await running.done;
    expect(exitCode).toBe(0);
    expect(onScreen(stdout).slice(1)).toEqual([
      "💫 Casting spell #335…",
      "✨ Stop viewing logs with ^C",
      "✨ Machine_Requested… done",
      "✨ Building… done",
      "✨ Run is running",
      "epoch 1 🎉 ünïcödé",
      "",
      "\x1b[31mred\x1b[0m",
      "✨ Saving… done",
      "✨ Pushing… done",
      "🎉 Total run time: 13.261553s",
      "🎉 Run 335 complete",
      "",
    ]);
  });

  test("without UTF-8 there are words only", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const { id } = fake.addRun();
    live(fake, id, { status: "failed", userExitCode: 3 });
    const environment = { ...TERM, LC_ALL: "C" };
    using running = startSpellOnTerminal({
      args: ["logs", String(id)],
      home: home.path,
      coordinator: fake.address,
      environment,
    });
    const lines = onScreen((await running.done).stdout);
    expect(lines.slice(0, 3)).toEqual(["Machine_Requested... done", "Building... done", "Run is running"]);
    expect(lines.slice(-4)).toEqual([
      "Total run time: 13.261553s",
      `Run ${id} failed: The command exited with code 3.`,
      `Use 'spell logs ${id} --verbose' to examine cause of error.`,
      "",
    ]);
  });

  test.each([
    {
      args: ["run", "sleep 99"],
      last: /still running remotely\.\n.*spell kill 335.*\n.*spell logs 335' to view logs again\n$/,
    },
    { args: ["logs", "-f", "335"], last: /\n✨ Use 'spell logs 335' to view logs again\n$/ },
  ])("^C at spell $args.0 detaches, and the run goes on", async ({ args, last }) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    if (args[0] === "logs") fake.addRun({ status: "running" });
    const place = { home: home.path, cwd, coordinator: fake.address, environment: TERM };
    using running = startSpellOnTerminal({ args, ...place });
    await waitFor("the log to be followed", () => fake.held === 1);
    fake.print(335, { text: "Run is building", status: "building", statusEvent: true, level: "info" });
    await running.sees("Building…");
    running.signal("SIGUSR1");
    const { exitCode, stdout } = await running.done;
    expect(exitCode).toBe(0);
    expect(onScreen(stdout).join("\n")).toMatch(last);
    expect(fake.run(335).status).not.toBe("killed");
  });
});

describe("colours", () => {
  test.each([
    { when: "on a terminal", environment: TERM, coloured: true },
    { when: "with NO_COLOR", environment: { ...TERM, NO_COLOR: "1" }, coloured: false },
    { when: "on a dumb terminal", environment: { TERM: "dumb" }, coloured: false },
  ])("$when: $coloured", async ({ environment, coloured }) => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    fake.addRun({ status: "running" });
    using running = startSpellOnTerminal({ args: ["ps"], home: home.path, coordinator: fake.address, environment });
    const { stdout } = await running.done;
    expect(stdout).toContain(coloured ? "\x1b[32m*Running\x1b[39m" : "  *Running  ");
    expect(stdout.includes("\x1b[")).toBe(coloured);
  });

  test("nowhere else", async () => {
    await using fake = await FakeCoordinator.start();
    await using home = await tempFolder();
    fake.addRun({ status: "running" });
    const { stdout } = await spell({ args: ["ps"], home: home.path, coordinator: fake.address, environment: TERM });
    expect(stdout).toContain("  *Running  ");
  });
});

test("very long commands and odd letters arrive as they were typed", async () => {
  await using fake = await FakeCoordinator.start();
  await using home = await tempFolder();
  const cwd = join(home.path, "code");
  await mkdir(cwd);
  await writeFile(join(cwd, "ä b.py"), "x");
  const commands = [
    `python -c '${"x = 1\n".repeat(15_000)}'`,
    "echo $(date) `id` && for i in 1 2; do echo \"$i\"; done | sort > /tmp/x; printf '%s\\n' \\\\ 🎉 \u202e ünïcödé",
    "python 'ä b.py' \t\n",
  ];
  for (const command of commands) {
    const result = await spell({ args: ["run", "-b", command], home: home.path, cwd, coordinator: fake.address });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  }
  expect(fake.createRunRequests.map(({ spec }) => spec?.command)).toEqual(commands);
  const { stdout } = await spell({ args: ["ps"], home: home.path, coordinator: fake.address });
  expect(stdout.split("\n")).toHaveLength(5);
});

describe("what takes longer than half a second", () => {
  test("shows how far it is, on the line that is cleared in the end; elsewhere nothing yet", async () => {
    await using home = await tempFolder();
    const cwd = join(home.path, "code");
    await mkdir(cwd);
    // As it is released too, which is another program when there is a bundle that is up to date.
    const released = { SPELL_FROM_SOURCE: "" };
    for (const [name, start, environment] of [
      ["on a terminal", startSpellOnTerminal, TERM],
      ["released, on a terminal", startSpellOnTerminal, { ...TERM, ...released }],
      ["elsewhere", startSpell, TERM],
    ] as const) {
      await using fake = await FakeCoordinator.start();
      await writeFile(join(cwd, "large"), randomBytes(16_000_000));
      const opens = Promise.withResolvers<void>();
      fake.storeOpens = opens.promise;
      using running = start({
        args: ["run", "-b", "true"],
        home: home.path,
        cwd,
        coordinator: fake.address,
        environment,
      });
      await waitFor("the upload to begin", () => fake.objectsBegun > 0);
      await new Promise((resolve) => setTimeout(resolve, 600));
      opens.resolve();
      const { exitCode, stdout, stderr } = await running.done;
      expect(exitCode, stderr).toBe(0);
      const shown = /Uploading [\d.]+ [kM]?B of 16\.0 MB, [\d.]+ [kM]?B\/s, .* left \(\d files?/.test(stdout);
      expect(shown, name).toBe(start === startSpellOnTerminal);
      const text = stdout.replaceAll("\x1b[", "<");
      expect(/left[^\n]*<[012]?K[^\n]*Uploaded/.test(text), name).toBe(shown);
      // Nobody would take these back after ^C: no cursor, no wrapping of lines.
      for (const mode of ["?25l", "?7l"]) expect(stdout).not.toContain(`\x1b[${mode}`);
    }
  });
});
