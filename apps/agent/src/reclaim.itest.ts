/** A machine that is taken away: what runs on it is ended with what it wrote, by a file that appears. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder, waitFor } from "@spell/testing";
import { describe, expect, it } from "vitest";
import type { Attempt } from "./attempt.ts";
import { watchReclaimNotice } from "./reclaim-notice.ts";
import { begin, machine, noCrash, pathsIn, resultOf, resume } from "./test-support/attempt-machine.ts";
import { Crasher } from "./test-support/crash-point.ts";

const RECLAIMED = { cause: "lost", reasonCode: "machine-reclaimed" };

function commandOf(onTerm: string): string {
  return `echo early > early.txt; trap '${onTerm}' TERM; echo up; while :; do sleep 0.01; done`;
}

async function isUp(attempt: Attempt): Promise<void> {
  const spool = join(attempt.attemptDir, "output.log");
  await waitFor(
    "the command",
    () => attempt.report().phase === "running" && readFileSync(spool, "utf8").includes("up"),
  );
}

describe("a machine that is taken away", () => {
  it.each([
    ["ends well when it is asked to", "echo late > late.txt; exit 0", ["early.txt", "late.txt"]],
    ["does not heed it", "", ["early.txt"]],
  ])("keeps what a command wrote that %s, and is the reason", async (_how, onTerm, paths) => {
    await using on = await machine();
    const attempt = await begin(on, new Crasher(noCrash), { command: commandOf(onTerm) });
    await isUp(attempt);
    attempt.reclaim();
    attempt.reclaim();
    const result = await resultOf(attempt);
    expect(result).toMatchObject(RECLAIMED);
    expect(result?.exitCode).toBeUndefined();
    expect(pathsIn(on.transport, result?.outputTree ?? "").sort()).toEqual(paths);
  });

  it("gives way to a stop, and loses against a kill", async () => {
    await using on = await machine();
    const stopped = await begin(on, new Crasher(noCrash), { command: commandOf("exit 0") });
    await isUp(stopped);
    stopped.request("stop");
    stopped.reclaim();
    expect(await resultOf(stopped)).toMatchObject({ cause: "stop" });
    await stopped.abandon();
    const killed = await begin(on, new Crasher(noCrash), { command: commandOf("") });
    await isUp(killed);
    killed.reclaim();
    killed.request("kill");
    expect(await resultOf(killed)).toMatchObject({ cause: "kill", outputTree: "" });
  });

  it("is no reason for a command that had ended by itself", async () => {
    await using on = await machine();
    const attempt = await begin(on, new Crasher(noCrash), { command: "exit 3" });
    await resultOf(attempt);
    attempt.reclaim();
    expect(attempt.report().result).toMatchObject({ cause: "exit", exitCode: 3 });
  });

  it("ends what has not begun yet, at once", async () => {
    await using on = await machine();
    const attempt = await begin(on, new Crasher(noCrash), { command: "echo began > began.txt; sleep 1000" });
    attempt.reclaim();
    expect(await resultOf(attempt)).toMatchObject({ ...RECLAIMED, outputTree: "" });
  });

  it("is remembered by an agent that is started again meanwhile", async () => {
    await using on = await machine();
    const first = await begin(on, new Crasher(noCrash), { command: commandOf("sleep 0.2; exit 0") });
    await isUp(first);
    first.reclaim();
    await first.detach();
    const again = await resume(on);
    expect(await resultOf(again)).toMatchObject(RECLAIMED);
  });
});

describe("the notice", () => {
  it("is noticed once, whether it is there already or comes later", async () => {
    await using folder = await tempFolder("spell-reclaim-");
    const path = join(folder.path, "notice");
    let noticed = 0;
    watchReclaimNotice(path, () => (noticed += 1));
    expect(noticed).toBe(0);
    writeFileSync(path, "");
    await waitFor("the notice", () => noticed === 1);
    watchReclaimNotice(path, () => (noticed += 1));
    expect(noticed).toBe(2);
  });
});
