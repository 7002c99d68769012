/** The whole demo as a user starts it, with a few seconds of training; nothing of it may stay. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { waitFor } from "@spell/testing";
import { startWholeProgram } from "../test/whole-program.ts";
import type { WholeProgram } from "../test/whole-program.ts";

const DEMO_TIMEOUT_MS = 90_000;
const english = "It was the best of times, it was the worst of times, it was the age of wisdom.\n".repeat(2_000);

/** Starts it with a text of this content; disposing ends whatever is left. */
function startDemo({ text = english, args }: { text?: string; args: readonly string[] }): Promise<WholeProgram> {
  return startWholeProgram("tools/demo/demo.ts", (folder) => {
    const book = join(folder, "little book.txt");
    writeFileSync(book, text);
    return ["--text", book, ...args];
  });
}

describe("the demo", { timeout: DEMO_TIMEOUT_MS }, () => {
  test.each([
    { args: [], script: "python workflow.py" },
    { args: ["--typescript"], script: "node workflow.ts" },
  ])("runs the three stages ($script), says how long each took, and leaves nothing", async ({ args, script }) => {
    await using demo = await startDemo({ args: ["--seconds", "3", ...args] });
    expect(await demo.exitCode, demo.output()).toBe(0);

    const output = demo.output();
    expect(output).toContain("$ spell workflow --repo char-rnn=char-rnn-tensorflow/ -e TEXT_URL=http://127.0.0.1:");
    expect(output).toContain(`-e TRAIN_SECONDS=3 "${script}"`);
    expect(output).toContain("✨ Syncing repo char-rnn-tensorflow/.\n");
    expect(output).toContain("download: run 2\ntrain: run 3\nsample: run 4\n");
    expect(output).toMatch(/ {2}train +run 3 +\d+\.\d\d s +\d+\.\d\d s to start\n/);
    expect(output).toContain(`spell workflow --repo char-rnn=. -e TEXT_URL=file://`);
    // The text as the workflow shows it, and once more from the archive of its run.
    const words = output.split("$ spell logs 4\n").map((part) => part.match(/\b(it|was|the|of|times|age)\b/g) ?? []);
    expect(words).toHaveLength(2);
    for (const found of words) expect(found.length, output).toBeGreaterThan(10);
    expect(demo.leftovers()).toEqual([]);
  });

  test.each([
    ["SIGINT", 130, "$ spell up"],
    ["SIGTERM", 143, "train: run 3"],
  ] as const)("%s ends everything it started, with exit code %i", async (signal, code, moment) => {
    await using demo = await startDemo({ args: ["--seconds", "600"] });
    await waitFor(moment, () => demo.output().includes(moment) || demo.child.exitCode !== null, { timeoutMs: 60_000 });
    demo.child.kill(signal);
    expect(await demo.exitCode, demo.output()).toBe(code);
    expect(demo.output()).toMatch(/Ending everything the demo started\.\n$/);
    expect(demo.leftovers()).toEqual([]);
  });

  test("a stage that fails is shown with the end of its log, and --keep leaves the data", async () => {
    await using demo = await startDemo({ text: "\u0001\u0002", args: ["--seconds", "2", "--keep"] });
    expect(await demo.exitCode, demo.output()).toBe(1);
    expect(demo.output()).toMatch(
      /\$ spell logs --verbose --tail 30 3\n[^$]*error: the text holds nothing but control/,
    );
    expect(demo.output()).toContain('The demo failed: "train" (run 3) is failed.');
    const kept = /^Kept in (\S+);/m.exec(demo.output())?.[1] ?? "";
    expect(kept.startsWith(join(demo.folder, "spell-demo-"))).toBe(true);
    expect(existsSync(join(kept, "data", "coordinator"))).toBe(true);
    expect(readFileSync(join(kept, "login", "config"), "utf8")).toContain("token:");
    expect(demo.leftovers().filter((sentence) => !sentence.startsWith("folder not removed"))).toEqual([]);
  });
});

test.each([
  [["--seconds", "soon"], 2, '--seconds needs a number above 0 and up to 86400, not "soon"'],
  [["--text", "/nowhere/none.txt"], 1, "Cannot learn from /nowhere/none.txt: "],
])("%j is refused before anything starts", async (args, code, message) => {
  await using demo = await startDemo({ args });
  expect(await demo.exitCode).toBe(code);
  expect(demo.output()).toContain(message);
  expect(demo.output()).not.toContain("spell up");
  expect(readdirSync(demo.folder)).toEqual(["little book.txt"]);
});
