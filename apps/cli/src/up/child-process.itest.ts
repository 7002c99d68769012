import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, test } from "vitest";
import type { ChildOptions } from "./child-process.ts";
import { ManagedChild } from "./child-process.ts";

const READY = "console.log('ready');";

interface Part {
  child: ManagedChild;
  logPath: string;
  pids: number[];
  restarts: string[];
}

function part(folder: string, script: string, more: Partial<ChildOptions> = {}): Part {
  const logPath = join(folder, "part.log");
  const pids: number[] = [];
  const restarts: string[] = [];
  const child = new ManagedChild({
    name: "part",
    command: process.execPath,
    args: () => ["-e", script],
    logPath,
    isReady: (line) => line === "ready",
    onStart: (_, pid) => pids.push(pid),
    onRestart: (_, how) => restarts.push(how),
    ...more,
  });
  return { child, logPath, pids, restarts };
}

async function end({ child }: Part): Promise<void> {
  child.signal("SIGKILL");
  await child.ended();
}

describe("a part that cannot start", () => {
  test("is told in its own words", async () => {
    await using folder = await tempFolder();
    const { child } = part(folder.path, `console.error("spell part: The disk is full."); process.exit(1);`);
    await expect(child.start()).rejects.toMatchObject({ code: "unavailable", message: "The disk is full." });
  });

  test("by an error that nobody expected: the error and the log, not the trace", async () => {
    await using folder = await tempFolder();
    const { child, logPath } = part(folder.path, `setTimeout(() => { throw new TypeError("no such thing"); });`);
    await expect(child.start()).rejects.toMatchObject({
      message: `The part ended with an error that it did not expect: TypeError: no such thing. Its log is ${logPath}.`,
    });
  });

  test("without a word: how it ended and the log", async () => {
    await using folder = await tempFolder();
    const { child, logPath } = part(folder.path, `process.kill(process.pid, "SIGKILL");`);
    await expect(child.start()).rejects.toMatchObject({
      message: `The part ended at once (SIGKILL); its log is ${logPath}.`,
    });
  });

  test("because it hangs: it is ended, and told with the log", async () => {
    await using folder = await tempFolder();
    const hanging = part(folder.path, "setInterval(() => {}, 1000);", { startDeadlineMs: 300 });
    await expect(hanging.child.start()).rejects.toMatchObject({
      message: `The part did not start within 0.3 s and was ended; its log is ${hanging.logPath}.`,
    });
    await hanging.child.ended();
    expect(hanging.child.running).toBe(false);
  });

  test("without a word, after an older start that complained: only its own words count", async () => {
    await using folder = await tempFolder();
    const { child, logPath } = part(folder.path, "process.exit(1);");
    writeFileSync(logPath, "spell part: an older complaint\n");
    await expect(child.start()).rejects.toMatchObject({
      message: `The part ended at once (exit code 1); its log is ${logPath}.`,
    });
  });

  test("because there is no such program", async () => {
    await using folder = await tempFolder();
    const { child } = part(folder.path, "", { command: "/no/such/program" });
    await expect(child.start()).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a part that served", () => {
  test("is started again when it dies, and tells why", async () => {
    await using folder = await tempFolder();
    const crashing = part(folder.path, `${READY} setTimeout(() => process.exit(3), 200);`);
    await crashing.child.start();
    await waitFor("a second start", () => crashing.pids.length >= 2);
    expect(crashing.restarts[0]).toBe("exit code 3");
    await end(crashing);
  });

  test("is not started again once it was told to end", async () => {
    await using folder = await tempFolder();
    const serving = part(folder.path, `${READY} setInterval(() => {}, 1000);`);
    await serving.child.start();
    await end(serving);
    expect(serving.child.running).toBe(false);
    expect([serving.pids.length, serving.restarts]).toEqual([1, []]);
  });
});
